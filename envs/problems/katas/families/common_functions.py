"""Small functions that everybody has written once: more candidates for the measured tier `easy`.

The tables are read as those of `one_liners`: signature | body after `return` | phrasings, parted by / | constants.
"""

from __future__ import annotations

from codegym.envs.problems.katas.families.one_liners import one_line_family

_NUMBERS = """
sum_of_four(a, b, c, d) | a + b + c + d | Return the sum of the four numbers. / Add the four numbers.
sum_of_five(a, b, c, d, e) | a + b + c + d + e | Return the sum of the five numbers. / Add the five numbers.
product_of_four(a, b, c, d) | a * b * c * d | Return the product of the four numbers. / Multiply the four numbers.
max_of_four(a, b, c, d) | max(a, b, c, d) | Return the largest of the four numbers. / Return the maximum of a, b, c and d.
min_of_four(a, b, c, d) | min(a, b, c, d) | Return the smallest of the four numbers. / Return the minimum of a, b, c and d.
average_of_three(a, b, c) | (a + b + c) / 3 | Return the average of the three numbers. / Return the mean of a, b and c.
average_of_four(a, b, c, d) | (a + b + c + d) / 4 | Return the average of the four numbers. / Return the mean of a, b, c and d.
add_then_multiply(a, b, c) | (a + b) * c | Add a and b, then multiply the sum by c. / Return (a + b) times c.
multiply_then_add(a, b, c) | a * b + c | Multiply a and b, then add c. / Return a times b plus c.
subtract_both(a, b, c) | a - b - c | Subtract b and c from a. / Return a minus b minus c.
sum_minus(a, b, c) | a + b - c | Add a and b and subtract c. / Return a plus b minus c.
negative_sum(a, b) | -(a + b) | Return the negative of the sum of a and b. / Return minus (a + b).
negative_product(a, b) | -(a * b) | Return the negative of the product of a and b.
sum_of_cubes(a, b) | a ** 3 + b ** 3 | Return the sum of the cubes of a and b. / Return a cubed plus b cubed.
square_of_difference(a, b) | (a - b) ** 2 | Return the square of the difference of a and b. / Return (a - b) squared.
absolute_sum(a, b) | abs(a + b) | Return the absolute value of the sum of a and b.
sum_of_absolute(a, b) | abs(a) + abs(b) | Return the sum of the absolute values of a and b. / Add the absolute values of a and b.
fifth_power(n) | n ** 5 | Return n to the power of five. / Raise n to the power of 5.
sixth_power(n) | n ** 6 | Return n to the power of six. / Raise n to the power of 6.
square_plus_{c}(n) | n ** 2 + {c} | Return the square of n plus {c}. / Square n and add {c}. | 1 5 10
double_plus_{c}(n) | n * 2 + {c} | Return twice n plus {c}. / Multiply n by 2 and add {c}. | 1 3 7
square_minus_{c}(n) | n ** 2 - {c} | Return the square of n minus {c}. / Square n and subtract {c}. | 1 4
n_times_next(n) | n * (n + 1) | Return n times n plus one: n * (n + 1). / Multiply n by the number after it.
multiply_by_{c}(n) | n * {c} | Multiply n by {c}. / Return n multiplied by {c}. | 6 7 8 9 15 20
increase_by_{c}(n) | n + {c} | Increase n by {c}. / Return n plus {c}. | 2 7 15 50 100
decrease_by_{c}(n) | n - {c} | Decrease n by {c}. / Return n minus {c}. | 3 8 15 100
divide_exactly_by_{c}(n) | n / {c} | Divide n by {c}. / Return n divided by {c} as a float. | 2 4 5 10
modulo_{c}(n) | n % {c} | Return n modulo {c}. / Return the remainder when n is divided by {c}. | 2 4 8 9
power_{c}(k) | {c} ** k | Return {c} to the power of k; k is 0 or more. / Raise {c} to the power of k (k >= 0). | 4 6 7 8
is_equal_to_{c}(n) | n == {c} | Return True if n is equal to {c}, else False. / Check if n equals {c}. | 1 5 10 100
is_not_{c}(n) | n != {c} | Return True if n is not equal to {c}, else False. / Check if n is not {c}. | 0 1 10
is_greater_than_{c}(n) | n > {c} | Return True if n is greater than {c}, else False. / Check if n is greater than {c}. | 5 10 100 1000
is_smaller_than_{c}(n) | n < {c} | Return True if n is less than {c}, else False. / Check if n is less than {c}. | 5 10 100 1000
is_divisible_by_{c}(n) | n % {c} == 0 | Return True if n is divisible by {c}, else False. / Check if n can be divided by {c}. | 8 9 11 12 100
is_not_divisible_by_{c}(n) | n % {c} != 0 | Return True if n is not divisible by {c}, else False. | 3 5 7
is_divisible_by_both(n) | n % 3 == 0 and n % 5 == 0 | Return True if n is divisible by 3 and by 5, else False. / Check if n is divisible by both 3 and 5.
is_divisible_by_either(n) | n % 3 == 0 or n % 5 == 0 | Return True if n is divisible by 3 or by 5, else False. / Check if n is divisible by 3 or 5.
is_non_negative(n) | n >= 0 | Return True if n is zero or more, else False. / Check that n is not negative.
is_non_positive(n) | n <= 0 | Return True if n is zero or less, else False. / Check that n is not positive.
is_positive_even(n) | n > 0 and n % 2 == 0 | Return True if n is positive and even, else False. / Check if n is a positive even number.
is_positive_odd(n) | n > 0 and n % 2 == 1 | Return True if n is positive and odd, else False. / Check if n is a positive odd number.
is_even_sum(a, b) | (a + b) % 2 == 0 | Return True if the sum of a and b is even, else False. / Check if a + b is even.
is_odd_sum(a, b) | (a + b) % 2 == 1 | Return True if the sum of a and b is odd, else False. / Check if a + b is odd.
is_even_product(a, b) | a * b % 2 == 0 | Return True if the product of a and b is even, else False.
is_smaller(a, b) | a < b | Return True if a is less than b, else False. / Check if a is smaller than b.
is_at_least(a, b) | a >= b | Return True if a is greater than or equal to b, else False. / Check if a is at least b.
is_at_most(a, b) | a <= b | Return True if a is less than or equal to b, else False. / Check if a is at most b.
is_square_of(a, b) | a == b * b | Return True if a is the square of b, else False. / Check if a equals b squared.
is_double(a, b) | a == 2 * b | Return True if a is twice b, else False. / Check if a is the double of b.
is_opposite(a, b) | a == -b | Return True if a equals minus b, else False. / Check if a is the negative of b.
all_equal(a, b, c) | a == b == c | Return True if the three numbers are equal, else False. / Check if a, b and c are all the same.
all_positive(a, b, c) | a > 0 and b > 0 and c > 0 | Return True if all three numbers are positive, else False.
any_zero(a, b) | a == 0 or b == 0 | Return True if a or b is zero, else False. / Check if one of a and b is zero.
both_zero(a, b) | a == 0 and b == 0 | Return True if a and b are both zero, else False. / Check if both numbers are zero.
both_negative(a, b) | a < 0 and b < 0 | Return True if a and b are both negative, else False. / Check if both numbers are negative.
both_odd(a, b) | a % 2 == 1 and b % 2 == 1 | Return True if a and b are both odd, else False. / Check if both numbers are odd.
is_product(a, b, c) | a * b == c | Return True if a times b equals c, else False. / Check if c is the product of a and b.
is_descending(a, b, c) | a > b > c | Return True if a > b and b > c, else False. / Check if the three numbers are in descending order.
is_right_triangle(a, b, c) | a ** 2 + b ** 2 == c ** 2 | Return True if a squared plus b squared equals c squared, else False.
cube_surface(side) | 6 * side ** 2 | Return the surface area of a cube with this side. / Return 6 times the square of side.
average_speed(distance, time) | distance / time | Return the average speed: the distance divided by the time. / Divide distance by time.
price_with_fee_{c}(price) | price + {c} | Return the price with a fee of {c} added. / Add {c} to price. | 6 9 25
body_mass_index(weight, height) | weight / height ** 2 | Return the weight divided by the square of the height. / Return the body mass index: weight / height squared.
simple_interest(price, rate, time) | price * rate * time / 100 | Return price times rate times time, divided by 100. / Return the simple interest on price: price * rate * time / 100.
hours_in_days(days) | days * 24 | Return the number of hours in these days. / Convert days to hours.
months_in_years(years) | years * 12 | Return the number of months in these years. / Convert years to months.
days_in_years(years) | years * 365 | Return the number of days in these years; a year has 365 days.
meters(kilometers) | kilometers * 1000 | Return the number of meters in these kilometers. / Convert kilometers to meters.
seconds_in_days(days) | days * 86400 | Return the number of seconds in these days: 86400 times days.
kilograms(grams) | grams / 1000 | Convert grams to kilograms: divide by 1000. / Return the grams divided by 1000.
to_hours(minutes) | minutes / 60 | Convert minutes to hours: divide by 60. / Return the number of hours in these minutes as a float.
whole_hours(minutes) | minutes // 60 | Return the number of whole hours in these minutes. / Return minutes divided by 60, rounded down.
minutes_left(minutes) | minutes % 60 | Return how many minutes are left when whole hours are taken away. / Return the remainder of minutes divided by 60.
kelvin(celsius) | celsius + 273 | Convert degrees Celsius to Kelvin: add 273. / Return celsius plus 273.
is_child(age) | age < 13 | Return True if age is less than 13, else False. / Check if the person is a child: younger than 13.
age_group(age) | 'adult' if age >= 18 else 'minor' | Return 'adult' if age is 18 or more, else 'minor'.
yes_or_no(n) | 'yes' if n > 0 else 'no' | Return 'yes' if n is greater than 0, else 'no'.
even_or_odd(n) | 'Even' if n % 2 == 0 else 'Odd' | Return the string 'Even' if n is even, otherwise 'Odd'.
zero_or_not(n) | 'zero' if n == 0 else 'not zero' | Return 'zero' if n is zero, else 'not zero'.
pass_or_fail(n) | 'pass' if n >= 50 else 'fail' | Return 'pass' if n is 50 or more, else 'fail'.
big_or_small(n) | 'big' if n > 100 else 'small' | Return 'big' if n is greater than 100, else 'small'.
fizz(n) | 'Fizz' if n % 3 == 0 else n | Return 'Fizz' if n is divisible by 3, else n.
hot_or_cold(n) | 'hot' if n > 25 else 'cold' | Return 'hot' if n is greater than 25, else 'cold'.
even_half(n) | n // 2 if n % 2 == 0 else n | If n is even, return half of it, else return n.
collatz(n) | n // 2 if n % 2 == 0 else 3 * n + 1 | If n is even return n // 2, else return 3 * n + 1.
positive_part(n) | n if n > 0 else 0 | Return n if n is greater than 0, else 0. / Return n, but 0 for negative n.
double_if_positive(n) | n * 2 if n > 0 else n | Return twice n if n is greater than 0, else n.
same_or_zero(a, b) | a if a == b else 0 | Return a if a equals b, else 0.
add_if_positive(a, b) | a + b if b > 0 else a | Return a + b if b is positive, else a.
sum_of_range(k) | sum(range(k)) | Return the sum of the numbers from 0 to k - 1. / Add the numbers in range(k).
list_to(k) | list(range(k)) | Return the list of the numbers from 0 to k - 1. / Return list(range(k)).
cubes_to(k) | [i ** 3 for i in range(1, k + 1)] | Return the list of the cubes of the numbers from 1 to k.
doubles_to(k) | [2 * i for i in range(k)] | Return the list of twice each number from 0 to k - 1.
odds_to(k) | list(range(1, k + 1, 2)) | Return the list of the odd numbers from 1 to k.
powers_of_two(k) | [2 ** i for i in range(k)] | Return the list of the first k powers of two: 1, 2, 4 and so on.
sum_of_cubes_to(k) | sum(i ** 3 for i in range(k + 1)) | Return the sum of the cubes of the numbers from 1 to k.
sum_of_odds_to(k) | sum(range(1, k + 1, 2)) | Return the sum of the odd numbers from 1 to k.
to_float(n) | float(n) | Convert n to a float. / Return n as a float.
to_hex(k) | hex(k) | Return the hexadecimal string of k as hex(k) gives it. / Convert k to a hexadecimal string.
first_digit(k) | int(str(k)[0]) | Return the first digit of k; k is not negative.
reverse_digits(k) | int(str(k)[::-1]) | Return the number whose digits are those of k in reverse. / Reverse the digits of k.
is_palindrome_number(k) | str(k) == str(k)[::-1] | Return True if the digits of k read the same backwards, else False. / Check if the number k is a palindrome.
digits_of(k) | [int(d) for d in str(k)] | Return the list of the digits of k. / Split k into a list of its digits.
is_perfect_square(k) | any(i * i == k for i in range(k + 1)) | Return True if k is a perfect square, else False. / Check if k is the square of a whole number.
count_divisors(side) | sum(side % d == 0 for d in range(1, side + 1)) | Return the number of divisors of side. / Count the divisors of the positive number side.
sum_of_divisors(side) | sum(d for d in range(1, side + 1) if side % d == 0) | Return the sum of the divisors of the positive number side.
greatest_common_divisor(width, height) | max(d for d in range(1, width + 1) if width % d == 0 and height % d == 0) | Return the greatest common divisor of width and height.
power(n, digit) | n ** digit | Return n to the power of digit. / Raise n to the power of digit (0 or more).
pair(a, b) | [a, b] | Return a list of a and b. / Put a and b into a list.
triple(a, b, c) | [a, b, c] | Return a list of the three numbers. / Put a, b and c into a list.
as_tuple(a, b) | (a, b) | Return the tuple (a, b). / Put a and b into a tuple.
sum_and_product(a, b) | (a + b, a * b) | Return a tuple of the sum and the product of a and b.
sum_and_difference(a, b) | (a + b, a - b) | Return a tuple of the sum and the difference of a and b.
min_and_max(a, b) | (min(a, b), max(a, b)) | Return a tuple of the smaller and the larger of a and b.
quotient_and_remainder(n, width) | (n // width, n % width) | Return a tuple of n // width and n % width. / Return divmod(n, width).
square_and_cube(n) | (n ** 2, n ** 3) | Return a tuple of the square and the cube of n.
neighbours(n) | [n - 1, n + 1] | Return a list of n - 1 and n + 1. / Return the numbers before and after n as a list.
"""

_STRINGS = """
capitalize(text) | text.capitalize() | Return text with its first letter in upper case and the rest in lower case. / Return text.capitalize().
is_longer_than_{c}(text) | len(text) > {c} | Return True if text has more than {c} characters, else False. | 4 6 10
is_shorter_than_{c}(text) | len(text) < {c} | Return True if text has less than {c} characters, else False. | 3 5 10
repeat_{c}_times(text) | text * {c} | Return text repeated {c} times. / Repeat text {c} times. | 6 8 10
first_{c}(text) | text[:{c}] | Return the first {c} characters of text. | 6 7 10
last_{c}(text) | text[-{c}:] | Return the last {c} characters of text. | 6 7 10
remove_last_{c}(text) | text[:-{c}] | Return text without its last {c} characters. | 2 3 4
is_palindrome_word(text) | text.lower() == text.lower()[::-1] | Return True if text is a palindrome, ignoring case. / Check if text reads the same backwards when case is ignored.
count_vowels(text) | sum(c in 'aeiou' for c in text) | Return the number of vowels (a, e, i, o, u) in text. / Count the lower case vowels in text.
count_{c}_words(text) | len(text.split()) == {c} | Return True if text has exactly {c} words, else False. | 1 2
count_lower(text) | sum(c.islower() for c in text) | Return the number of lower case letters in text. / Count the lower case letters in text.
count_letters(text) | sum(c.isalpha() for c in text) | Return the number of letters in text. / Count the letters in text.
count_e(text) | text.count('e') | Return the number of times the letter e occurs in text. / Count the letter e in text.
has_letter_a(text) | 'a' in text | Return True if text contains the letter a, else False. / Check if the letter a is in text.
has_hello(text) | 'hello' in text | Return True if text contains hello, else False. / Check if hello is in text.
has_upper(text) | any(c.isupper() for c in text) | Return True if text has an upper case letter, else False.
is_lower(text) | text.islower() | Return True if all letters of text are lower case (and there is one), else False. / Return text.islower().
is_alnum(text) | text.isalnum() | Return True if text is not empty and has only letters and digits, else False.
is_not_empty(text) | len(text) > 0 | Return True if text is not empty, else False. / Check if text has at least one character.
starts_with_vowel(word) | word[0].lower() in 'aeiou' | Return True if word begins with a vowel, else False. / Check if the first letter of word is a vowel.
ends_with_s(text) | text.endswith('s') | Return True if text ends with s, else False. / Check if the last letter of text is s.
starts_with_h(text) | text.startswith('h') | Return True if text starts with h, else False. / Check if text begins with the letter h.
starts_with(text, word) | text.startswith(word) | Return True if text starts with word, else False. / Check if text begins with word.
contains_word(text, word) | word in text | Return True if word is in text, else False. / Check if text contains word.
find_letter(text, letter) | text.find(letter) | Return the position of the first letter in text, or -1. / Return text.find(letter).
replace_a_with_b(text) | text.replace('a', 'b') | Replace every a in text with b. / Return text with each a replaced by b.
replace_e_with_3(text) | text.replace('e', '3') | Replace every e in text with 3. / Return text with each e replaced by 3.
remove_commas(text) | text.replace(',', '') | Remove all commas from text. / Return text without commas.
remove_a(text) | text.replace('a', '') | Remove every letter a from text. / Return text without the letter a.
replace_with(text, letter, word) | text.replace(letter, word) | Replace every letter in text with word. / Return text.replace(letter, word).
strip_left(text) | text.lstrip() | Remove the spaces at the beginning of text. / Return text without spaces at its beginning.
strip_right(text) | text.rstrip() | Remove the spaces at the end of text. / Return text without spaces at its end.
upper_reversed(text) | text[::-1].upper() | Reverse text and convert it to upper case. / Return text backwards in upper case.
lower_reversed(text) | text[::-1].lower() | Reverse text and convert it to lower case. / Return text backwards in lower case.
double_upper(text) | text.upper() * 2 | Return text in upper case, written twice.
swap_words(text, word) | word + text | Return word followed by text. / Join word and text, word first.
join_with_dash(text, word) | text + '-' + word | Return text, a dash and word. / Join text and word with a dash.
join_with_comma(text, word) | text + ', ' + word | Return text and word with a comma and a space between them.
concatenate(text, word, letter) | text + word + letter | Concatenate the three strings. / Return text, word and letter joined.
email(word) | word + '@example.com' | Return word followed by @example.com. / Return the email address of word at example.com.
greeting(word) | 'Hello, ' + word | Return the string 'Hello, ' followed by word. / Greet word with Hello, a comma and a space.
hi(word) | f'Hi {word}!' | Return the string Hi word! with the given word. / Return Hi, a space, word and an exclamation mark.
welcome(word) | 'Welcome ' + word | Return the string 'Welcome ' followed by word. / Return Welcome, a space and word.
dear(word) | 'Dear ' + word + ',' | Return Dear, a space, word and a comma. / Return the string Dear word, with the given word.
good_morning(word) | 'Good morning ' + word | Return Good morning, a space and word.
my_name_is(word) | 'My name is ' + word | Return the string 'My name is ' followed by word.
i_like(word) | 'I like ' + word | Return the string 'I like ' followed by word.
add_period(text) | text + '.' | Return text with a period at its end. / Add a period to the end of text.
add_prefix(word) | 'un' + word | Return word with un before it. / Put un before word.
add_ing(word) | word + 'ing' | Return word with ing at its end. / Add ing to word.
hashtag(word) | '#' + word | Return word with a # before it. / Put a # before word.
price_tag(n) | '$' + str(n) | Return the string of n with a $ before it. / Return $ followed by n.
percent_text(n) | str(n) + '%' | Return the string of n with a % behind it. / Return n followed by %.
number_label(n) | 'Number ' + str(n) | Return the string 'Number ' followed by n.
in_square_brackets(text) | '[' + text + ']' | Return text between square brackets. / Put text in square brackets.
stars_around(text) | '*' + text + '*' | Return text with a star before and after it.
repeat_with_space(word) | word + ' ' + word | Return word twice with a space between.
stars(k) | '*' * k | Return a string of k stars. / Return the character * repeated k times.
dashes(k) | '-' * k | Return a string of k dashes. / Return the character - repeated k times.
upper_words(text) | text.upper().split() | Return the list of the words of text in upper case. / Convert text to upper case and split it into words.
digits_only(text) | ''.join(c for c in text if c.isdigit()) | Return the digits of text as one string. / Keep only the digits of text.
letters_only(text) | ''.join(c for c in text if c.isalpha()) | Return the letters of text as one string. / Keep only the letters of text.
upper_only(text) | ''.join(c for c in text if c.isupper()) | Return the upper case letters of text as one string.
remove_digits(text) | ''.join(c for c in text if not c.isdigit()) | Return text without its digits. / Remove the digits from text.
double_letters(text) | ''.join(c * 2 for c in text) | Return text with every character doubled. / Write every character of text twice.
join_spaces(text) | ' '.join(text) | Return the characters of text with a space between each two. / Put a space between the characters of text.
join_dashes(text) | '-'.join(text) | Return the characters of text with a dash between each two.
same_first_letter(text, word) | text[:1] == word[:1] | Return True if text and word begin with the same character, else False.
are_same(text, word) | text == word | Return True if text and word are equal, else False. / Check if text and word are the same.
are_anagrams(text, word) | sorted(text) == sorted(word) | Return True if text and word have the same characters in any order, else False. / Check if text and word are anagrams.
shorter(text, word) | text if len(text) < len(word) else word | Return the shorter of text and word; word if they are equally long.
total_length(text, word) | len(text) + len(word) | Return the length of text plus the length of word. / Add the lengths of text and word.
double_number(number) | int(number) * 2 | Convert the string number to an int and return twice of it.
add_strings(number) | int(number) + 1 | Convert the string number to an int and add 1.
is_consonant(letter) | letter not in 'aeiou' | Return True if letter is not one of a, e, i, o, u, else False.
is_letter_a(letter) | letter == 'a' | Return True if letter is a, else False. / Check if letter equals 'a'.
upper_letter(letter) | chr(ord(letter) - 32) | Return the upper case form of the lower case letter.
second_last(word) | word[-2:-1] | Return the second last character of word, or an empty string.
first_and_last(word) | word[0] + word[-1] | Return the first and the last character of word as one string. / Join the first and the last letter of word.
first_half(text) | text[:len(text) // 2] | Return the first half of text (without the middle character).
second_half(text) | text[len(text) // 2:] | Return the second half of text, from position len(text) // 2 on.
even_length(text) | len(text) % 2 == 0 | Return True if the length of text is even, else False. / Check if text has an even number of characters.
odd_length(text) | len(text) % 2 == 1 | Return True if the length of text is odd, else False. / Check if text has an odd number of characters.
"""

_LISTS = """
get_last(numbers) | numbers[-1] | Return the last element of the list, which is not empty. / Get the last element of numbers.
get_second(numbers) | numbers[1:2] | Return a list of the second element of numbers (an empty list if there is none).
max_minus_min(numbers) | max(numbers) - min(numbers) | Return the difference of the largest and the smallest number. / Return the maximum minus the minimum.
max_plus_min(numbers) | max(numbers) + min(numbers) | Return the sum of the largest and the smallest number. / Return the maximum plus the minimum.
min_and_max(numbers) | (min(numbers), max(numbers)) | Return a tuple of the smallest and the largest number. / Return the minimum and the maximum as a tuple.
even_numbers(xs) | [x for x in xs if x % 2 == 0] | Return the even numbers of the list. / Keep only the even numbers.
odd_numbers(xs) | [x for x in xs if x % 2 == 1] | Return the odd numbers of the list. / Keep only the odd numbers.
non_zero(xs) | [x for x in xs if x != 0] | Return the list without zeros. / Remove all zeros from the list.
remove_{c}(xs) | [x for x in xs if x != {c}] | Return the list without the number {c}. / Remove every {c} from the list. | 1 2 5
sum_of_even(xs) | sum(x for x in xs if x % 2 == 0) | Return the sum of the even numbers. / Add the even numbers of the list.
sum_of_odd(xs) | sum(x for x in xs if x % 2 == 1) | Return the sum of the odd numbers. / Add the odd numbers of the list.
sum_of_positive(xs) | sum(x for x in xs if x > 0) | Return the sum of the positive numbers. / Add the numbers that are greater than zero.
sum_of_negative(xs) | sum(x for x in xs if x < 0) | Return the sum of the negative numbers. / Add the numbers that are less than zero.
count_less_than_{c}(xs) | sum(x < {c} for x in xs) | Return how many numbers are less than {c}. / Count the numbers less than {c}. | 3 5 10
count_number_{c}(xs) | xs.count({c}) | Count how often {c} is in the list. / Return the number of times {c} occurs in the list. | 4 7 9
cube_all(xs) | [x ** 3 for x in xs] | Return the list of the cubes of the numbers. / Cube every number of the list.
multiply_each_by_{c}(xs) | [x * {c} for x in xs] | Multiply every number of the list by {c}. / Return a list with each number times {c}. | 6 8 20
add_{c}_to_each(xs) | [x + {c} for x in xs] | Add {c} to every number of the list. / Return a list with {c} added to each number. | 3 7 100
subtract_{c}_from_each(xs) | [x - {c} for x in xs] | Subtract {c} from every number of the list. / Return a list with {c} subtracted from each number. | 2 5 100
halve_all(xs) | [x / 2 for x in xs] | Divide every number of the list by 2. / Return a list with each number divided by 2.
to_floats(xs) | [float(x) for x in xs] | Convert every number of the list to a float. / Return the list of the numbers as floats.
list_not_empty(xs) | len(xs) > 0 | Return True if the list is not empty, else False. / Check if the list has at least one element.
has_more_than_{c}(xs) | len(xs) > {c} | Return True if the list has more than {c} elements, else False. | 2 3 5
contains_number_{c}(xs) | {c} in xs | Return True if {c} is in the list, else False. / Check if the list contains {c}. | 2 4 7
lacks_{c}(xs) | {c} not in xs | Return True if {c} is not in the list, else False. / Check that the list does not contain {c}. | 1 5
any_even(xs) | any(x % 2 == 0 for x in xs) | Return True if any number is even, else False. / Check if the list has an even number.
any_odd(xs) | any(x % 2 == 1 for x in xs) | Return True if any number is odd, else False. / Check if the list has an odd number.
any_positive(xs) | any(x > 0 for x in xs) | Return True if any number is positive, else False.
all_odd(xs) | all(x % 2 == 1 for x in xs) | Return True if all numbers are odd, else False. / Check if every number is odd.
all_negative(xs) | all(x < 0 for x in xs) | Return True if all numbers are negative, else False.
all_unique(xs) | len(xs) == len(set(xs)) | Return True if all numbers are different, else False. / Check that no number occurs twice.
all_same(xs) | len(set(xs)) <= 1 | Return True if all numbers are equal, else False. / Check if all elements of the list are the same.
to_set(xs) | set(xs) | Return the set of the numbers. / Convert the list to a set.
to_tuple(xs) | tuple(xs) | Return the numbers as a tuple. / Convert the list to a tuple.
remove_duplicates(xs) | list(dict.fromkeys(xs)) | Remove the duplicates from the list, keeping the order. / Return the different numbers in the order of their first occurrence.
first_{c}_items(xs) | xs[:{c}] | Return the first {c} elements of the list. | 1 6 7
last_{c}_items(xs) | xs[-{c}:] | Return the last {c} elements of the list (all if there are fewer). | 1 3 4
drop_last_{c}(xs) | xs[:-{c}] | Return the list without its last {c} elements. | 2 3
skip_{c}(xs) | xs[{c}:] | Return the list without its first {c} elements. | 6 7
add_item(xs, n) | xs + [n] | Return the list with n added at the end. / Append n to the list and return it.
add_first(xs, n) | [n] + xs | Return the list with n put at the beginning. / Put n before the list.
not_in_list(xs, n) | n not in xs | Return True if n is not in the list, else False. / Check that the list does not contain n.
index_of(xs, n) | xs.index(n) if n in xs else -1 | Return the position of n in the list, or -1 if it is not there.
less_than(xs, n) | [x for x in xs if x < n] | Return the numbers of the list that are less than n. / Keep the numbers less than n.
at_least_all(xs, n) | [x for x in xs if x >= n] | Return the numbers of the list that are at least n. / Keep the numbers that are n or more.
count_greater(xs, n) | sum(x > n for x in xs) | Return how many numbers are greater than n. / Count the numbers greater than n.
count_smaller(xs, n) | sum(x < n for x in xs) | Return how many numbers are less than n. / Count the numbers less than n.
subtract_from_all(xs, n) | [x - n for x in xs] | Subtract n from every number of the list. / Return the list with n subtracted from every number.
all_greater(xs, n) | all(x > n for x in xs) | Return True if all numbers are greater than n, else False.
any_greater(xs, n) | any(x > n for x in xs) | Return True if any number is greater than n, else False.
any_equal(xs, n) | any(x == n for x in xs) | Return True if any number of the list equals n, else False.
sum_plus(xs, n) | sum(xs) + n | Return the sum of the list plus n. / Add n to the sum of the list.
sum_times(xs, n) | sum(xs) * n | Return the sum of the list times n. / Multiply the sum of the list by n.
repeat_items(xs, k) | xs * k | Return the list repeated k times. / Repeat the list k times.
last_items(xs, k) | xs[len(xs) - k:] if k <= len(xs) else xs | Return the last k elements of the list (all if there are fewer).
sum_of_both(xs, ys) | sum(xs) + sum(ys) | Return the sum of the numbers of both lists. / Add the sum of xs and the sum of ys.
difference_of_sums(xs, ys) | sum(xs) - sum(ys) | Return the sum of xs minus the sum of ys.
lists_equal(xs, ys) | xs == ys | Return True if the two lists are equal, else False. / Check if xs equals ys.
same_length_lists(xs, ys) | len(xs) == len(ys) | Return True if the two lists have the same length, else False.
has_common(xs, ys) | any(x in ys for x in xs) | Return True if the lists have a number in common, else False. / Check if any number of xs is in ys.
common_items(xs, ys) | [x for x in xs if x in ys] | Return the numbers of xs that are also in ys. / Keep the elements of xs that are in ys.
sorted_together(xs, ys) | sorted(xs + ys) | Join the two lists and sort the result. / Return a sorted list of all numbers of both lists.
interleave(xs, ys) | [n for pair in zip(xs, ys) for n in pair] | Return a list of the first of xs, the first of ys, the second of xs and so on, as long as the shorter list lasts.
squares_of_even(xs) | [x * x for x in xs if x % 2 == 0] | Return the squares of the even numbers. / Square the even numbers of the list.
double_of_positive(xs) | [2 * x for x in xs if x > 0] | Return twice each positive number of the list.
square_dict(xs) | {x: x * x for x in xs} | Return a dictionary from each number to its square. / Map each number to its square in a dictionary.
index_dict(words) | {i: w for i, w in enumerate(words)} | Return a dictionary from each position to the word there.
lower_words(words) | [w.lower() for w in words] | Return the list of the words in lower case. / Convert every word to lower case.
capital_words(words) | [w.capitalize() for w in words] | Return the list of the words, each capitalized. / Capitalize every word.
words_with_a(words) | [w for w in words if 'a' in w] | Return the words that contain the letter a. / Keep the words with an a.
words_starting_with_a(words) | [w for w in words if w.startswith('a')] | Return the words that start with a. / Keep the words beginning with the letter a.
words_of_length_{c}(words) | [w for w in words if len(w) == {c}] | Return the words that have exactly {c} characters. | 1 3 5
longest_length(words) | max([len(w) for w in words], default=0) | Return the length of the longest word, or 0 for an empty list.
sort_reverse(words) | sorted(words, reverse=True) | Sort the words in reverse alphabetical order.
join_comma(words) | ', '.join(words) | Join the words with a comma and a space. / Return the words as one string, separated by a comma and a space.
join_lines(words) | '\\n'.join(words) | Join the words with newlines. / Return the words as one string, one word on each line.
join_plus(words) | '+'.join(words) | Join the words with plus signs. / Return the words as one string, separated by +.
first_word_of(words) | words[0] if words else '' | Return the first word of the list, or an empty string for an empty list.
last_word_of(words) | words[-1] if words else '' | Return the last word of the list, or an empty string for an empty list.
reverse_order(words) | words[::-1] | Return the list of the words in reverse order. / Reverse the list of words.
exclaim_all(words) | [w + '!' for w in words] | Add an exclamation mark to every word. / Return the words with ! at the end of each.
keys(scores) | list(scores) | Return the list of the keys of the dictionary. / Get the keys of scores as a list.
all_values(scores) | list(scores.values()) | Return the list of the values of the dictionary. / Get the values of scores as a list.
all_items(scores) | list(scores.items()) | Return the list of the (key, value) tuples of the dictionary.
is_empty_dict(scores) | len(scores) == 0 | Return True if the dictionary is empty, else False. / Check if scores is empty.
highest(scores) | max(scores, key=scores.get, default='') | Return the key with the largest value, or an empty string for an empty dictionary.
lowest_value(scores) | min(scores.values(), default=0) | Return the smallest value of the dictionary, or 0 if it is empty.
count_positive_values(scores) | sum(v > 0 for v in scores.values()) | Return how many values of the dictionary are greater than 0.
plus_one(scores) | {k: v + 1 for k, v in scores.items()} | Add 1 to every value of the dictionary. / Return the dictionary with 1 added to every value.
invert(scores) | {v: k for k, v in scores.items()} | Swap the keys and the values of the dictionary.
positive_only(scores) | {k: v for k, v in scores.items() if v > 0} | Return the dictionary with only those keys whose value is greater than 0.
get_or_none(scores, word) | scores.get(word) | Return the value of word in the dictionary scores, or None if it is not there.
missing(scores, word) | word not in scores | Return True if word is not a key of the dictionary scores, else False.
total_of_pair_products(pairs) | sum(a * b for a, b in pairs) | Return the sum of the products of the pairs.
pair_products(pairs) | [a * b for a, b in pairs] | Return the list of the products of the pairs.
sort_pairs(pairs) | sorted(pairs) | Return the sorted list of pairs. / Sort the pairs.
count_pairs(pairs) | len(pairs) | Return how many pairs there are. / Count the pairs.
first_row(rows) | rows[0] if rows else [] | Return the first row, or an empty list if there is none.
longest_row(rows) | max(rows, key=len, default=[]) | Return the longest row (the first of several), or an empty list if there is none.
sort_rows(rows) | [sorted(row) for row in rows] | Return the list of rows, each of them sorted.
double_rows(rows) | [[2 * x for x in row] for row in rows] | Return the rows with every number doubled. / Multiply every number of the rows by 2.
"""

FAMILIES = (
    one_line_family("common-numbers", _NUMBERS, (132, 14, 16), "numbers"),
    one_line_family("common-strings", _STRINGS, (77, 9, 10), "strings"),
    one_line_family("common-lists", _LISTS, (101, 11, 14), "lists"),
)
