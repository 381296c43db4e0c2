"""One-line functions with speaking names, more of what `easy` has: candidates for the measured tier of that name.

Each line of a table is: signature | body after `return` | phrasings, parted by / | constants for {c}. The names of the
parameters say what they hold (see `_VALUES`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from codegym.envs.problems.katas.draws import Draws
from codegym.envs.problems.katas.family import Family, Kata, Parameters
from codegym.envs.problems.katas.pieces import function_kata

_NUMBERS = """
double(n) | 2 * n | Return twice n. / Return n times two.
negate(n) | -n | Return n with its sign changed.
successor(n) | n + 1 | Return the number after n. / Return n plus one.
predecessor(n) | n - 1 | Return the number before n. / Return n minus one.
fourth_power(n) | n ** 4 | Return n to the power of four.
half(n) | n // 2 | Return half of n, rounded down. / Return n divided by 2, rounded down.
remainder_{c}(n) | n % {c} | Return the remainder of n divided by {c}. / Return n modulo {c}. | 3 5 6
subtract_{c}(n) | n - {c} | Return n minus {c}. / Subtract {c} from n. | 4 6 12 20
divide_by_{c}(n) | n // {c} | Return n divided by {c}, rounded down. | 3 4 10
minus_from_{c}(n) | {c} - n | Return {c} minus n. | 10 50 100
is_zero(n) | n == 0 | Return True if n is zero, else False.
is_negative(n) | n < 0 | Return True if n is less than zero, else False.
is_{c}(n) | n == {c} | Return whether n equals {c}. | 7 12 42
is_at_least_{c}(n) | n >= {c} | Return whether n is at least {c}. / Return True if n is {c} or more. | 10 18 65
is_more_than_{c}(n) | n > {c} | Return whether n is more than {c}. | 12 40 99
is_less_than_{c}(n) | n < {c} | Return whether n is less than {c}. | 12 40 99
at_least_{c}(n) | max(n, {c}) | Return n, but {c} if n is less than {c}. / Return the larger of n and {c}. | 1 10 15
at_most_{c}(n) | min(n, {c}) | Return the smaller of n and {c}. | 5 12 25
largest_of_three(a, b, c) | max(a, b, c) | Return the largest of the three numbers.
sum_of_three(a, b, c) | a + b + c | Return the sum of the three numbers.
are_equal(a, b) | a == b | Return True if a and b are equal, else False.
are_different(a, b) | a != b | Return whether a and b are different.
is_greater(a, b) | a > b | Return True if a is greater than b, else False.
both_positive(a, b) | a > 0 and b > 0 | Return whether both a and b are greater than zero.
both_even(a, b) | a % 2 == 0 and b % 2 == 0 | Return whether a and b are both even.
any_negative(a, b) | a < 0 or b < 0 | Return whether at least one of a and b is negative.
same_sign(a, b) | (a < 0) == (b < 0) | Return whether a and b are both negative or both not negative.
sum_of_squares(a, b) | a * a + b * b | Return the sum of the squares of a and b.
square_of_sum(a, b) | (a + b) ** 2 | Return the square of the sum of a and b.
difference_of_squares(a, b) | a * a - b * b | Return the square of a minus the square of b.
is_sum(a, b, c) | a + b == c | Return whether a plus b equals c.
is_ascending(a, b, c) | a < b < c | Return whether a is less than b and b is less than c.
swap(a, b) | (b, a) | Return the tuple (b, a). / Return the two numbers as a tuple in the other order.
in_order(a, b) | [min(a, b), max(a, b)] | Return a list of the two numbers, the smaller one first.
celsius(fahrenheit) | (fahrenheit - 32) * 5 / 9 | Convert degrees Fahrenheit to Celsius: subtract 32, multiply by 5 and divide by 9.
fahrenheit(celsius) | celsius * 9 / 5 + 32 | Convert degrees Celsius to Fahrenheit: multiply by 9, divide by 5 and add 32.
seconds(minutes) | minutes * 60 | Return the number of seconds in these minutes.
hours_to_seconds(hours) | hours * 3600 | Return the number of seconds in these hours.
weeks(days) | days // 7 | Return the number of whole weeks in these days.
days_left(days) | days % 7 | Return how many days are left when whole weeks are taken from these days.
cents(euros) | euros * 100 | Return the number of cents in these euros.
percent(part, whole) | part * 100 / whole | Return what percentage of whole part is; whole is not zero.
is_leap(year) | year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) | Return whether year is a leap year. / Return True for a leap year: divisible by 4, but not by 100 unless by 400.
square_perimeter(side) | 4 * side | Return the perimeter of a square with this side.
cube_volume(side) | side ** 3 | Return the volume of a cube with this side.
box_volume(width, height, depth) | width * height * depth | Return the volume of a box.
tens_digit(k) | k // 10 % 10 | Return the tens digit of k, which is not negative.
digit_sum(k) | sum(int(d) for d in str(k)) | Return the sum of the decimal digits of k, which is not negative.
to_binary(k) | bin(k)[2:] | Return the binary digits of k (k >= 0) as a string.
to_text(n) | str(n) | Return n as a string. / Convert n to a string.
countdown(k) | list(range(k, 0, -1)) | Return the list of the numbers from k down to 1; k is 0 or more.
numbers_to(k) | list(range(1, k + 1)) | Return the list of the numbers from 1 to k; k is 0 or more.
evens_to(k) | list(range(0, k + 1, 2)) | Return the list of the even numbers from 0 to k.
squares_to(k) | [i * i for i in range(1, k + 1)] | Return the list of the squares of the numbers from 1 to k.
multiples_of_{c}(k) | [{c} * i for i in range(1, k + 1)] | Return the list of the first k multiples of {c}: {c}, 2 times {c} and so on. | 3 5 10
sum_of_squares_to(k) | sum(i * i for i in range(k + 1)) | Return the sum of the squares of the numbers from 1 to k.
sum_of_evens_to(k) | sum(range(0, k + 1, 2)) | Return the sum of the even numbers from 0 to k.
divisors(side) | [d for d in range(1, side + 1) if side % d == 0] | Return the list of the divisors of the positive number side.
parity(n) | 'even' if n % 2 == 0 else 'odd' | Return 'even' if n is even, else 'odd'.
sign_name(n) | 'negative' if n < 0 else 'positive' | Return 'negative' if n is less than zero, else 'positive'.
is_teenager(age) | 13 <= age <= 19 | Return whether age is from 13 to 19.
is_digit(n) | 0 <= n <= 9 | Return whether n is from 0 to 9.
ends_with_{c}(k) | k % 10 == {c} | Return whether the last decimal digit of k is {c}; k is not negative. | 0 5 7
"""

_STRINGS = """
first_letter(word) | word[0] | Return the first character of word. / Return the letter that word begins with.
last_letter(word) | word[-1] | Return the last character of word.
second_letter(text) | text[1:2] | Return the second character of text, or an empty string if there is none.
without_first(text) | text[1:] | Return text without its first character.
without_last(text) | text[:-1] | Return text without its last character.
without_ends(text) | text[1:-1] | Return text without its first and its last character.
upper(text) | text.upper() | Return text in upper case. / Convert text to upper case.
title(text) | text.title() | Return text in title case: each word begins with a capital.
swap_case(text) | text.swapcase() | Return text with upper case letters made lower case and the other way round.
strip(text) | text.strip() | Return text without spaces at its beginning and end.
is_empty(text) | text == '' | Return whether text is the empty string.
is_upper(text) | text.isupper() | Return whether all letters of text are upper case (and there is at least one).
is_number(text) | text.isdigit() | Return whether text consists of digits only (and is not empty).
is_alpha(text) | text.isalpha() | Return whether text consists of letters only (and is not empty).
to_int(number) | int(number) | Return the whole number that the string number holds. / Convert the string number to an int.
exclaim(text) | text + '!' | Return text with an exclamation mark at its end.
question(text) | text + '?' | Return text with a question mark at its end.
quote(text) | '"' + text + '"' | Return text between double quotes.
in_brackets(text) | '(' + text + ')' | Return text between round brackets.
double(text) | text + text | Return text written twice.
mirror(text) | text + text[::-1] | Return text followed by its reverse.
join_two(text, word) | text + word | Return text followed by word.
with_space(text, word) | text + ' ' + word | Return text and word with a space between them.
full_name(text, word) | word + ', ' + text | Return word, a comma and a space, and then text.
contains(text, letter) | letter in text | Return whether letter occurs in text.
count_letter(text, letter) | text.count(letter) | Return how often letter occurs in text.
remove_letter(text, letter) | text.replace(letter, '') | Return text without any occurrence of letter.
ends_with(text, letter) | text.endswith(letter) | Return whether text ends with letter.
begins_with(text, letter) | text.startswith(letter) | Return whether text begins with letter.
replace_letter(text, letter) | text.replace(letter, '*') | Return text with every occurrence of letter replaced by a star.
repeat(text, k) | text * k | Return text repeated k times.
first_k(text, k) | text[:k] | Return the first k characters of text.
letter_at(word, k) | word[k % len(word)] | Return the character of word at position k modulo the length of word.
same_length(text, word) | len(text) == len(word) | Return whether text and word have the same length.
longer(text, word) | text if len(text) > len(word) else word | Return the longer of text and word; word if they are equally long.
is_same(text, word) | text.lower() == word.lower() | Return whether text and word are equal when case is ignored.
count_a(text) | text.count('a') | Return the number of times the letter a occurs in text.
count_digits(text) | sum(c.isdigit() for c in text) | Return how many digits text has.
count_upper(text) | sum(c.isupper() for c in text) | Return how many upper case letters text has.
has_space(text) | ' ' in text | Return whether text has a space.
has_digit(text) | any(c.isdigit() for c in text) | Return whether text has at least one digit.
spaces_to_dashes(text) | text.replace(' ', '-') | Return text with each space replaced by a dash.
spaces_to_underscores(text) | text.replace(' ', '_') | Return text with each space replaced by an underscore.
to_list(text) | list(text) | Return the list of the characters of text.
first_word(text) | text.split()[0] if text.split() else '' | Return the first word of text, or an empty string if there is none.
last_word(text) | text.split()[-1] if text.split() else '' | Return the last word of text, or an empty string if there is none.
longest_word(text) | max(text.split(), key=len, default='') | Return the longest word of text (the first of several), or an empty string.
reverse_words(text) | ' '.join(text.split()[::-1]) | Return the words of text in reverse order, with one space between them.
sort_words(text) | sorted(text.split()) | Return the sorted list of the words of text.
sort_letters(text) | ''.join(sorted(text)) | Return the characters of text in sorted order as a string.
initials(text) | ''.join(w[0] for w in text.split()) | Return the first letters of the words of text as one string.
word_lengths(text) | [len(w) for w in text.split()] | Return the list of the lengths of the words of text.
split_commas(text) | text.split(',') | Return the list of the parts of text between commas.
vowels(text) | [c for c in text if c in 'aeiou'] | Return the list of the vowels (a, e, i, o, u) in text, in order.
no_vowels(text) | ''.join(c for c in text if c not in 'aeiou') | Return text without the vowels a, e, i, o and u.
unique_letters(text) | len(set(text)) | Return how many different characters text has.
has_repeats(text) | len(set(text)) < len(text) | Return whether some character occurs more than once in text.
middle(word) | word[len(word) // 2] | Return the character of word at the position that is half of its length, rounded down.
center_{c}(text) | text.center({c}) | Return text centred with spaces to a width of {c} characters, as str.center does. | 8 11
right_{c}(text) | text.rjust({c}) | Return text with spaces before it until it has {c} characters. | 6 9
zeros_{c}(k) | str(k).zfill({c}) | Return the number k as a string with zeros before it until it has {c} characters. | 3 5
cut_{c}(text) | text if len(text) <= {c} else text[:{c}] + '...' | Return text, but only its first {c} characters and three dots if it is longer than {c}. | 3 6
tail_{c}(text) | text[{c}:] | Return what is left of text after its first {c} characters. | 6 8
has_length_{c}(text) | len(text) == {c} | Return whether text has exactly {c} characters. | 2 4 5
letter_number(letter) | ord(letter) - ord('a') + 1 | Return the position of the lower case letter in the alphabet: 1 for a, 2 for b.
next_letter(letter) | chr(ord(letter) + 1) | Return the character after letter in the character table. / Return the character whose code is one more than that of letter.
code_of(letter) | ord(letter) | Return the character code of letter.
is_vowel(letter) | letter in 'aeiou' | Return whether the lower case letter is a vowel.
hello(word) | 'Hello ' + word | Return Hello, a space and word.
bye(word) | 'Goodbye, ' + word + '.' | Return the text Goodbye, word. with the given word and a full stop.
tag(word) | '<' + word + '>' | Return word between < and >.
plural(word) | word + 's' | Return word with an s at its end.
file_name(word) | word + '.txt' | Return word with .txt at its end.
"""

_LISTS = """
first(numbers) | numbers[0] | Return the first element of the list numbers, which is not empty.
smallest(numbers) | min(numbers) | Return the smallest of the numbers; the list is not empty.
maximum(numbers) | max(numbers) | Return the largest of the numbers; the list is not empty.
mean_of(numbers) | sum(numbers) / len(numbers) | Return the mean of the numbers; the list is not empty.
middle_of(numbers) | sorted(numbers)[len(numbers) // 2] | Return the element of the sorted list at the position that is half the length, rounded down; the list is not empty.
index_of_max(numbers) | numbers.index(max(numbers)) | Return the position of the (first) largest number; the list is not empty.
index_of_min(numbers) | numbers.index(min(numbers)) | Return the position of the (first) smallest number; the list is not empty.
sum_of_ends(numbers) | numbers[0] + numbers[-1] | Return the sum of the first and the last number; the list is not empty.
last_two(xs) | xs[-2:] | Return the last two elements of the list (all if there are fewer).
count_items(xs) | len(xs) | Return the number of elements of the list. / Return the length of the list xs.
is_empty_list(xs) | len(xs) == 0 | Return True if the list is empty, else False.
ascending(xs) | sorted(xs) | Return the list in ascending order. / Return a sorted copy of the list.
without_last_item(xs) | xs[:-1] | Return the list without its last element.
rest(xs) | xs[1:] | Return the list without its first element.
every_second(xs) | xs[::2] | Return the elements at positions 0, 2, 4 and so on.
odd_positions(xs) | xs[1::2] | Return the elements at positions 1, 3, 5 and so on.
squared(xs) | [x * x for x in xs] | Return the list of the squares of the numbers. / Square every number of the list.
negated(xs) | [-x for x in xs] | Return the list with the sign of every number changed.
absolutes(xs) | [abs(x) for x in xs] | Return the list of the absolute values.
halves(xs) | [x // 2 for x in xs] | Return the list with every number divided by 2, rounded down.
increment(xs) | [x + 1 for x in xs] | Return the list with 1 added to every number.
times_all_{c}(xs) | [x * {c} for x in xs] | Return the list with every number multiplied by {c}. | 4 7 100
minus_all_{c}(xs) | [x - {c} for x in xs] | Return the list with {c} subtracted from every number. | 1 3 10
negatives(xs) | [x for x in xs if x < 0] | Return the negative numbers of the list in order.
below_{c}(xs) | [x for x in xs if x < {c}] | Return the numbers of the list that are less than {c}. | 1 10 12
at_least_{c}_only(xs) | [x for x in xs if x >= {c}] | Return the numbers of the list that are at least {c}. | 1 10 12
multiples_{c}(xs) | [x for x in xs if x % {c} == 0] | Return the numbers of the list that are divisible by {c}. | 10 11 12
count_even(xs) | sum(x % 2 == 0 for x in xs) | Return how many even numbers the list has.
count_odd(xs) | sum(x % 2 == 1 for x in xs) | Return how many odd numbers the list has.
count_positive(xs) | sum(x > 0 for x in xs) | Return how many numbers are greater than zero.
count_above_{c}(xs) | sum(x > {c} for x in xs) | Return how many numbers are greater than {c}. | 3 5 10
count_zeros(xs) | xs.count(0) | Return how often 0 occurs in the list. / Count the zeros.
sum_of_absolutes(xs) | sum(abs(x) for x in xs) | Return the sum of the absolute values.
sum_of_cubes(xs) | sum(x ** 3 for x in xs) | Return the sum of the cubes of the numbers.
sum_plus_{c}(xs) | sum(xs) + {c} | Return the sum of the list plus {c}. | 1 10 100
times_sum_{c}(xs) | {c} * sum(xs) | Return {c} times the sum of the list. | 2 3 10
has_negative(xs) | any(x < 0 for x in xs) | Return whether at least one number is negative.
all_even(xs) | all(x % 2 == 0 for x in xs) | Return True if all numbers are even.
all_positive(xs) | all(x > 0 for x in xs) | Return whether all numbers are greater than zero.
all_below_{c}(xs) | all(x < {c} for x in xs) | Return whether all numbers are less than {c}. | 5 10
any_above_{c}(xs) | any(x > {c} for x in xs) | Return whether at least one number is greater than {c}. | 5 10
has_duplicates(xs) | len(set(xs)) < len(xs) | Return whether some number occurs more than once.
count_different(xs) | len(set(xs)) | Return how many different numbers the list has.
append_{c}(xs) | xs + [{c}] | Return the list with {c} added at its end. | 1 7 9
prepend_{c}(xs) | [{c}] + xs | Return the list with {c} put before it. | 1 7 9
doubled_list(xs) | xs + xs | Return the list followed by itself.
palindrome_list(xs) | xs == xs[::-1] | Return whether the list is the same backwards.
largest_{c}(xs) | sorted(xs, reverse=True)[:{c}] | Return the {c} largest numbers, the largest first (all if there are fewer). | 2 3
smallest_{c}(xs) | sorted(xs)[:{c}] | Return the {c} smallest numbers in ascending order (all if there are fewer). | 2 3
last_{c}_reversed(xs) | xs[::-1][:{c}] | Return the last {c} elements, the last one first. | 2 3
clip_{c}(xs) | [min(x, {c}) for x in xs] | Return the list with every number above {c} replaced by {c}. | 5 10
no_negatives(xs) | [max(x, 0) for x in xs] | Return the list with every negative number replaced by 0.
is_even_list(xs) | [x % 2 == 0 for x in xs] | Return a list of truth values: whether each number is even.
index_{c}(xs) | xs.index({c}) if {c} in xs else -1 | Return the position of the first {c}, or -1 if it is not in the list. | 1 5
differences(xs) | [b - a for a, b in zip(xs, xs[1:])] | Return the list of the differences between each number and the one before it.
concat(xs, ys) | xs + ys | Return the two lists joined: first xs, then ys.
common(xs, ys) | sorted(set(xs) & set(ys)) | Return the sorted list of the numbers that are in both lists.
union(xs, ys) | sorted(set(xs + ys)) | Return the sorted list of the numbers that are in at least one of the lists.
only_first(xs, ys) | [x for x in xs if x not in ys] | Return the elements of xs that are not in ys, in order.
add_pairs(xs, ys) | [x + y for x, y in zip(xs, ys)] | Return the list of the sums of elements at the same position, as long as the shorter list.
multiply_pairs(xs, ys) | [x * y for x, y in zip(xs, ys)] | Return the list of the products of elements at the same position, as long as the shorter list.
dot(xs, ys) | sum(x * y for x, y in zip(xs, ys)) | Return the sum of the products of elements at the same position.
pairs_of(xs, ys) | list(zip(xs, ys)) | Return the list of the tuples of elements at the same position.
same_items(xs, ys) | sorted(xs) == sorted(ys) | Return whether the lists have the same elements, each equally often, in any order.
longer_list(xs, ys) | xs if len(xs) > len(ys) else ys | Return the longer of the two lists; ys if they are equally long.
total_length(xs, ys) | len(xs) + len(ys) | Return how many elements the two lists have together.
has_item(xs, n) | n in xs | Return whether n is in the list.
count_item(xs, n) | xs.count(n) | Return how often n occurs in the list.
without_item(xs, n) | [x for x in xs if x != n] | Return the list without any n.
add_to_all(xs, n) | [x + n for x in xs] | Return the list with n added to every number.
multiply_all(xs, n) | [x * n for x in xs] | Return the list with every number multiplied by n.
greater_than(xs, n) | [x for x in xs if x > n] | Return the numbers of the list that are greater than n.
first_items(xs, k) | xs[:k] | Return the first k elements of the list.
drop_items(xs, k) | xs[k:] | Return the list without its first k elements.
join_numbers(xs) | ','.join(str(x) for x in xs) | Return the numbers as one string, joined by commas.
"""

_COLLECTIONS = """
count_words(words) | len(words) | Return how many strings the list words has.
join_words(words) | ' '.join(words) | Return the words joined by spaces. / Join the list of words with one space between each two.
join_all(words) | ''.join(words) | Return the words joined without anything between them.
upper_words(words) | [w.upper() for w in words] | Return the list of the words in upper case.
lengths(words) | [len(w) for w in words] | Return the list of the lengths of the words.
total_letters(words) | sum(len(w) for w in words) | Return how many characters the words have together.
longest(words) | max(words, key=len, default='') | Return the longest word (the first of several), or an empty string for an empty list.
sorted_words(words) | sorted(words) | Return the words in alphabetical order.
by_length(words) | sorted(words, key=len) | Return the words sorted by their length; equally long ones keep their order.
long_words_{c}(words) | [w for w in words if len(w) > {c}] | Return the words that have more than {c} characters. | 2 3 4
short_words_{c}(words) | [w for w in words if len(w) <= {c}] | Return the words that have at most {c} characters. | 2 3
count_long_{c}(words) | sum(len(w) > {c} for w in words) | Return how many words have more than {c} characters. | 2 3
first_letters(words) | [w[:1] for w in words] | Return the list of the first letters of the words (an empty string for an empty word).
reversed_words(words) | [w[::-1] for w in words] | Return the list of the words, each of them backwards.
words_with(words, letter) | [w for w in words if letter in w] | Return the words that contain letter.
beginning_with(words, letter) | [w for w in words if w.startswith(letter)] | Return the words that begin with letter.
has_word(words, word) | word in words | Return whether word is one of the words.
add_word(words, word) | words + [word] | Return the list of words with word added at the end.
unique_words(words) | sorted(set(words)) | Return the sorted list of the different words.
no_empty(words) | [w for w in words if w] | Return the words without the empty ones.
length_of_each(words) | {w: len(w) for w in words} | Return a dictionary from each word to its length.
count_each(words) | {w: words.count(w) for w in words} | Return a dictionary from each word to how often it occurs in the list.
get(scores, word) | scores.get(word, 0) | Return the value of word in the dictionary scores, or 0 if it is not there.
names(scores) | sorted(scores) | Return the sorted list of the keys of the dictionary.
values(scores) | sorted(scores.values()) | Return the sorted list of the values of the dictionary.
total(scores) | sum(scores.values()) | Return the sum of the values of the dictionary.
best(scores) | max(scores.values(), default=0) | Return the largest value of the dictionary, or 0 if it is empty.
size(scores) | len(scores) | Return how many entries the dictionary has.
knows(scores, word) | word in scores | Return whether word is a key of the dictionary scores.
items(scores) | sorted(scores.items()) | Return the sorted list of the (key, value) tuples of the dictionary.
swap_items(pairs) | [(b, a) for a, b in pairs] | Return the list of the pairs, each with its two elements exchanged.
firsts(pairs) | [a for a, b in pairs] | Return the list of the first elements of the pairs.
seconds_of(pairs) | [b for a, b in pairs] | Return the list of the second elements of the pairs.
to_dict(pairs) | dict(pairs) | Return a dictionary from the first to the second element of each pair.
pair_sums(pairs) | [a + b for a, b in pairs] | Return the list of the sums of the pairs.
set_with(scores, word, n) | {**scores, word: n} | Return the dictionary with the value of word set to n.
above(scores, n) | sorted(k for k, v in scores.items() if v > n) | Return the sorted list of the keys whose value is greater than n.
doubled(scores) | {k: 2 * v for k, v in scores.items()} | Return the dictionary with every value doubled.
flatten(rows) | [x for row in rows for x in row] | Return one list of all the numbers in the lists of rows, in order.
row_sums(rows) | [sum(row) for row in rows] | Return the list of the sums of the rows.
row_lengths(rows) | [len(row) for row in rows] | Return the list of the lengths of the rows.
sum_all(rows) | sum(sum(row) for row in rows) | Return the sum of all numbers in the lists of rows.
count_rows(rows) | len(rows) | Return how many lists rows has.
count_all(rows) | sum(len(row) for row in rows) | Return how many numbers there are in all lists of rows together.
reverse_rows(rows) | [row[::-1] for row in rows] | Return the list of rows, each of them reversed.
not_empty(rows) | [row for row in rows if row] | Return the rows that are not empty.
"""

_VALUES: dict[str, Callable[[Draws, int], Any]] = {
    "number": lambda draws, turn: str(_number(draws, turn)),
    "k": lambda draws, turn: (4, 3, 0, 1, 2, 7, 10, 12, 25, 5, 137, 60, 9, 8)[turn % 14],
    "digit": lambda draws, turn: (2, 3, 0, 1, 4)[turn % 5],
    "age": lambda draws, turn: (15, 30, 18, 17, 13, 12, 19, 20, 0, 64)[turn % 10],
    "year": lambda draws, turn: (2024, 1900, 2000, 2023, 1996, 2100, 2400, 1999, 4, 100)[turn % 10],
    "letter": lambda draws, turn: "aebxlzoudimtqws"[turn % 15],
    "text": lambda draws, turn: _texts(draws)[turn % 18],
    "word": lambda draws, turn: draws.choice(("tea", "bus", "Anna", "x", "apple", "level", "Tom", "zebra")),
    "words": lambda draws, turn: _word_lists(draws)[turn % 12],
    "numbers": lambda draws, turn: [xs for xs in _lists(draws) if xs][turn % 16],
    "xs": lambda draws, turn: _lists(draws)[turn % 18],
    "ys": lambda draws, turn: draws.choice(_lists(draws)),
    "scores": lambda draws, turn: {
        word: draws.between(-2, 9) for word in draws.sample(("tea", "bus", "Anna", "x", "apple"), (2, 1, 0, 3, 4, 5)[turn % 6])
    },
    "pairs": lambda draws, turn: [(draws.between(0, 6), draws.between(-3, 9)) for _ in range((2, 1, 0, 3, 4, 6)[turn % 6])],
    "rows": lambda draws, turn: [draws.numbers(draws.between(0, 3), -3, 9) for _ in range((2, 1, 0, 3, 4, 5)[turn % 6])],
}  # fmt: skip
"""Values by the name of a parameter, for each turn; any other name is a number."""

_MORE: dict[str, list[tuple[Any, ...]]] = {
    "word": [("Ben",), ("sky",), ("no",)],
    "text, word": [("tea", "tea"), ("busy", "bus"), ("green tea", "tea"), ("", ""), ("eat", "tea")],
    "xs, ys": [([2, 5], [2, 5]), ([1, 2], [2, 1]), ([], []), ([3, 3, 4], [3, 4]), ([6, 7], [6])],
    "xs, n": [([4, 9, 4], 4), ([], 3), ([3, 5], 2)],
}
"""Inputs that chance seldom finds, by the names of the parameters."""
_POSITIVE = (
    *("side", "width", "height", "depth", "whole", "part", "distance", "speed", "time", "price", "quantity", "people"),
    *("rate", "weight"),
)
_TURNS = 22


def _number(draws: Draws, turn: int, c: int = 4) -> int:
    near = (6, 3, c, c - 1, c + 1, 0, 1, -1, -c, 2 * c, 12, 11, -6, 2, 5, 7, 9, 100, -3, 8, 10, 25)
    return near[turn] if turn < len(near) else draws.between(-20, 40)


def _lists(draws: Draws) -> list[list[int]]:
    fixed = [
        [3, 1, 2],
        [4, 7, 6, 5],
        [],
        [5],
        [0, 0],
        [-2, -7, 4],
        [5, 5, 1, 5],
        [1, 2, 4, 8],
        [2, 1, 2],
        [-1],
        [9, 10, 11, 12, 13],
    ]
    drawn = [draws.numbers(size, -4, 14) for size in (4, 5, 6, 7, 8)]
    return [*fixed, *drawn, [7, 1, 0, 9, 3], [12, 24, 5, 10, 22]]  # fmt: skip


def _texts(draws: Draws) -> list[str]:
    texts = ["hello", "apple pie", "", "x", "Ab 12", "level", "a b", "Hello World", "noon 7 x", "abcdefghij", "ABC"]
    return [*texts, "aa", "2024", "  two  ", "tea,bus,x", "eau", draws.word("abc XY1", 6), draws.word("aeltz ", 9)]


def _word_lists(draws: Draws) -> list[list[str]]:
    words = ("tea", "bus", "Anna", "x", "apple", "level", "", "no", "banana", "tea", "Tom", "zebra")
    return [["red", "green"], ["a", "bb", "ccc"], [], ["tea"], [""], *(draws.sample(words, n) for n in range(2, 9))]


def _make(table: str, parameters: Parameters, draws: Draws) -> Kata:
    name, c = parameters
    signature, body, phrases, _ = _rows(table)[name]
    signature, body, *said = (text.replace("{c}", str(c)) for text in (signature, body, *phrases))
    names = signature.partition("(")[2].rstrip(")").split(", ")
    inputs: list[tuple[Any, ...]] = []
    for turn in range(_TURNS):
        values = []
        for place, name in enumerate(names):
            if name in _POSITIVE:
                values.append(draws.between(1, 30) if turn > 1 else turn + 2 + 3 * place)
            elif name in _VALUES:
                values.append(_VALUES[name](draws, turn))
            else:
                values.append(_number(draws, turn if not place else draws.below(22), 4 if c is None else c))
        inputs.append(tuple(values))
    if "(text" in signature and c is not None:
        inputs += [("abcdefghijklmn"[: c + more],) for more in (-1, 0, 1)]
    inputs += _MORE.get(", ".join(names), [])
    if "(a, b" in signature:
        more = ((3, 3, 3, 3, 3), (2, 5, 7, 1, 4), (-4, -2, -6, -1, -3), (8, 6, 9, 2, 5))
        inputs += [values[: len(names)] for values in more]
    return function_kata(
        draws,
        said,
        signature,
        (f"return {body}",),
        inputs,
        plan=("return what is asked in one expression.", said[0]),
        public=2,
    )


def _rows(table: str) -> dict[str, tuple[str, str, list[str], list[int | None]]]:
    """Signature, body, phrasings and constants of each row, by its name and in order."""
    rows = {}
    for line in table.strip().split("\n"):
        signature, body, phrases, *constants = line.split(" | ")
        numbers: list[int | None] = [int(word) for word in " ".join(constants).split()]
        rows[signature.partition("(")[0]] = (signature, body, phrases.split(" / "), numbers or [None])
    return rows


def _parameters(table: str) -> list[Parameters]:
    return [(name, number) for name, (_, _, _, numbers) in _rows(table).items() for number in numbers]


def one_line_family(name: str, table: str, counts: tuple[int, int, int], topic: str) -> Family:
    """The family of a table."""
    return Family(name, partial(_parameters, table), lambda p: p[0], partial(_make, table), counts, ("short", topic))


FAMILIES = (
    one_line_family("one-line-numbers", _NUMBERS, (72, 10, 6), "numbers"),
    one_line_family("one-line-strings", _STRINGS, (64, 8, 8), "strings"),
    one_line_family("one-line-lists", _LISTS, (78, 14, 10), "lists"),
    one_line_family("one-line-collections", _COLLECTIONS, (40, 5, 5), "dicts"),
)
