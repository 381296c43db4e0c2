// Values between two C++ processes: a test, which holds the expected values, and the program that it questions.
//
// Both are compiled from the same signature, so values carry no types: integers, characters and bools are 8 bytes,
// floating-point numbers a double (long double: 16 bytes), containers their size and elements. A message is its length
// in 4 bytes and its content. The test reads hostile bytes: every length is checked against what is there.
#pragma once
#include <bits/stdc++.h>  // precompiled only where it comes first
#include <sys/socket.h>
#include <unistd.h>

namespace codegym_wire {

constexpr int channel = 3;
constexpr std::uint32_t longest = 1u << 26;
constexpr int gone = 70, unreadable = 71, too_long = 72;  // how a test ends that lacks an answer

struct Unreadable {};
using Bytes = std::string;

struct Reader {
    const char* place;
    const char* end;
    const char* take(std::size_t count) {
        if (static_cast<std::size_t>(end - place) < count) throw Unreadable();
        const char* found = place;
        place += count;
        return found;
    }
    template <class T> T raw() {
        T value;
        std::memcpy(&value, take(sizeof(T)), sizeof(T));
        return value;
    }
    std::size_t count() {  // every element takes at least one byte
        const auto found = raw<std::uint32_t>();
        if (static_cast<std::size_t>(end - place) < found) throw Unreadable();
        return found;
    }
};

template <class T> void write_raw(Bytes& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
inline void write_count(Bytes& out, std::size_t count) { write_raw(out, static_cast<std::uint32_t>(count)); }

template <class T, class = void> struct Codec;  // undefined for types that cannot travel

template <class T> struct Codec<T, std::enable_if_t<std::is_integral_v<T> || std::is_enum_v<T>>> {
    static void write(Bytes& out, T value) { write_raw(out, static_cast<std::int64_t>(value)); }
    static T read(Reader& in) {
        const auto value = in.raw<std::int64_t>();
        if constexpr (std::is_same_v<T, bool>) return value != 0;
        else return static_cast<T>(value);
    }
};
template <class T> struct Codec<T, std::enable_if_t<std::is_floating_point_v<T>>> {
    using Wide = std::conditional_t<(sizeof(T) > sizeof(double)), T, double>;
    static void write(Bytes& out, T value) { write_raw(out, static_cast<Wide>(value)); }
    static T read(Reader& in) { return static_cast<T>(in.raw<Wide>()); }
};
template <> struct Codec<std::string> {
    static void write(Bytes& out, const std::string& value) { write_count(out, value.size()); out += value; }
    static std::string read(Reader& in) {
        const auto count = in.count();
        return std::string(in.take(count), count);
    }
};
template <class A, class B> struct Codec<std::pair<A, B>> {
    using Pair = std::pair<A, B>;
    static void write(Bytes& out, const Pair& value) {
        Codec<A>::write(out, value.first);
        Codec<B>::write(out, value.second);
    }
    static Pair read(Reader& in) {
        auto first = Codec<A>::read(in);
        return Pair(std::move(first), Codec<B>::read(in));
    }
};
template <class... T> struct Codec<std::tuple<T...>> {
    static_assert(sizeof...(T) > 0, "an empty tuple takes no byte");
    static void write(Bytes& out, const std::tuple<T...>& value) {
        std::apply([&](const auto&... item) { (Codec<T>::write(out, item), ...); }, value);
    }
    static std::tuple<T...> read(Reader& in) { return std::tuple<T...>{Codec<T>::read(in)...}; }
};
template <class T> struct Codec<std::optional<T>> {
    static void write(Bytes& out, const std::optional<T>& value) {
        Codec<bool>::write(out, value.has_value());
        if (value) Codec<T>::write(out, *value);
    }
    static std::optional<T> read(Reader& in) {
        if (!Codec<bool>::read(in)) return std::nullopt;
        return Codec<T>::read(in);
    }
};
template <class T> struct Codec<std::complex<T>> {
    static void write(Bytes& out, const std::complex<T>& value) {
        Codec<T>::write(out, value.real());
        Codec<T>::write(out, value.imag());
    }
    static std::complex<T> read(Reader& in) {
        const T real = Codec<T>::read(in);
        return std::complex<T>(real, Codec<T>::read(in));
    }
};
template <class T, std::size_t N> struct Codec<std::array<T, N>> {
    static_assert(N > 0, "an empty array takes no byte");
    static void write(Bytes& out, const std::array<T, N>& value) {
        for (const auto& item : value) Codec<T>::write(out, item);
    }
    static std::array<T, N> read(Reader& in) {
        std::array<T, N> value{};
        for (auto& item : value) item = Codec<T>::read(in);
        return value;
    }
};

// A pair<const K, V> cannot be moved about; what is decoded is a pair<K, V>.
template <class C, class = void> struct ElementOf { using type = typename C::value_type; };
template <class C> struct ElementOf<C, std::void_t<typename C::mapped_type>> {
    using type = std::pair<typename C::key_type, typename C::mapped_type>;
};
template <class C> using Element = typename ElementOf<C>::type;

template <class C> struct Many {  // every container with insert(end, element)
    static void write(Bytes& out, const C& value) {
        write_count(out, static_cast<std::size_t>(std::distance(value.begin(), value.end())));
        for (const auto& item : value) Codec<Element<C>>::write(out, item);
    }
    static C read(Reader& in) {
        C value;
        for (auto left = in.count(); left > 0; left--) value.insert(value.end(), Codec<Element<C>>::read(in));
        return value;
    }
};
template <class C> struct Hashed {  // in reverse into as many buckets: the copy iterates in the order of the original
    static void write(Bytes& out, const C& value) {
        write_count(out, value.bucket_count());
        Many<C>::write(out, value);
    }
    static C read(Reader& in) {
        const std::size_t buckets = in.raw<std::uint32_t>();
        std::vector<Element<C>> items = Many<std::vector<Element<C>>>::read(in);
        if (buckets > 64 * items.size() + 4096) throw Unreadable();
        C value;
        value.rehash(buckets);
        while (!items.empty()) {
            value.insert(std::move(items.back()));
            items.pop_back();
        }
        return value;
    }
};
template <class T> struct Codec<std::vector<T>> : Many<std::vector<T>> {};
template <class T> struct Codec<std::list<T>> : Many<std::list<T>> {};
template <class T> struct Codec<std::deque<T>> : Many<std::deque<T>> {};
template <class T> struct Codec<std::set<T>> : Many<std::set<T>> {};
template <class T> struct Codec<std::multiset<T>> : Many<std::multiset<T>> {};
template <class T> struct Codec<std::unordered_set<T>> : Hashed<std::unordered_set<T>> {};
template <class T> struct Codec<std::unordered_multiset<T>> : Hashed<std::unordered_multiset<T>> {};
template <class K, class V> struct Codec<std::map<K, V>> : Many<std::map<K, V>> {};
template <class K, class V> struct Codec<std::multimap<K, V>> : Many<std::multimap<K, V>> {};
template <class K, class V> struct Codec<std::unordered_map<K, V>> : Hashed<std::unordered_map<K, V>> {};

template <class T> using Plain = std::remove_cv_t<std::remove_reference_t<T>>;
template <class T> constexpr bool comes_back = std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>;

inline bool send_all(const Bytes& content) {
    Bytes message;
    write_count(message, content.size());
    message += content;
    for (std::size_t sent = 0; sent < message.size();) {
        const auto count = ::send(channel, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) return false;
        sent += static_cast<std::size_t>(count);
    }
    return true;
}
inline bool receive_all(char* into, std::size_t count) {
    while (count > 0) {
        const auto got = ::recv(channel, into, count, 0);
        if (got <= 0) return false;
        into += got;
        count -= static_cast<std::size_t>(got);
    }
    return true;
}
inline bool receive(Bytes& content, std::uint32_t most, bool& exceeded) {
    std::uint32_t size;
    if (!receive_all(reinterpret_cast<char*>(&size), sizeof size)) return false;
    exceeded = size > most;
    if (exceeded) return false;
    content.clear();
    while (content.size() < size) {  // room only for what has come
        char part[1 << 16];
        const auto wanted = std::min<std::size_t>(sizeof part, size - content.size());
        if (!receive_all(part, wanted)) return false;
        content.append(part, wanted);
    }
    return true;
}

// In the test: ask the program. Reference parameters come back as the program left them.
template <class A, class T> void take_back(Reader& in, T& given) {
    if constexpr (comes_back<A>) given = Codec<Plain<A>>::read(in);
}
template <class R, class... A> R ask(std::conditional_t<comes_back<A>, Plain<A>&, const Plain<A>&>... given) {
    Bytes content;
    (Codec<Plain<A>>::write(content, given), ...);
    bool exceeded = false;
    if (!send_all(content)) ::_exit(gone);
    if (!receive(content, longest, exceeded)) ::_exit(exceeded ? too_long : gone);
    try {
        Reader in{content.data(), content.data() + content.size()};
        if constexpr (std::is_void_v<R>) {
            (take_back<A>(in, given), ...);
        } else {
            Plain<R> result = Codec<Plain<R>>::read(in);
            (take_back<A>(in, given), ...);
            return result;
        }
    } catch (const Unreadable&) {
        ::_exit(unreadable);
    }
}

// In the program: answer until the test is over.
template <class R, class... A, std::size_t... I>
void answer(R (*entry)(A...), std::tuple<Plain<A>...>& given, Bytes& content, std::index_sequence<I...>) {
    content.clear();
    if constexpr (std::is_void_v<R>) entry(static_cast<A&&>(std::get<I>(given))...);
    else Codec<Plain<R>>::write(content, entry(static_cast<A&&>(std::get<I>(given))...));
    ((void)(comes_back<A> ? (Codec<Plain<A>>::write(content, std::get<I>(given)), 0) : 0), ...);
}
template <class R, class... A> int serve(R (*entry)(A...)) {
    Bytes content;
    bool exceeded = false;
    while (receive(content, longest, exceeded)) {
        Reader in{content.data(), content.data() + content.size()};
        std::tuple<Plain<A>...> given{Codec<Plain<A>>::read(in)...};
        answer(entry, given, content, std::index_sequence_for<A...>());
        if (!send_all(content)) break;
    }
    ::_exit(0);
}

}  // namespace codegym_wire
