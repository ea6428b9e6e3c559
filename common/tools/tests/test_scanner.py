"""The C++ scanner finds what is there, and nothing in comments or strings."""

import unittest

import trees  # noqa: F401, it puts the tools on the search path
import scanner


def names(text, kind="function"):
    """The names of one kind, in order."""
    return [entity.name for entity in scanner.scan(text)
            if entity.kind == kind]


def keys(text):
    """The functions with their parameters."""
    return [entity.key for entity in scanner.scan(text)
            if entity.kind == "function"]


class Functions(unittest.TestCase):
    """Definitions and declarations."""

    def test_definition_in_namespaces(self):
        self.assertEqual(names("namespace a::b { namespace { int F() { "
                               "return 1; } } }"), ["F"])

    def test_declaration_and_overloads(self):
        self.assertEqual(keys("void F(int a);\nvoid F(char* b, int c = 3);"),
                         ["F(int a)", "F(char* b, int c)"])

    def test_member_of_template(self):
        self.assertEqual(names("template <typename T, int n = (1 > 0)>\n"
                               "T* Pool<T>::New() { return nullptr; }"),
                         ["Pool::New"])

    def test_constructor_with_initialisers(self):
        text = "A::A(int b) : b_{b}, c_(2), d_{} { if (b) { c_ = 1; } }"
        self.assertEqual(names(text + " void G() {}"), ["A::A", "G"])

    def test_operators(self):
        self.assertEqual(
            names("bool operator==(A a, A b); void* operator new(size_t n);\n"
                  "int A::operator()(int x) { return x; }\n"
                  "A::operator bool() const { return true; }\n"
                  "A& A::operator=(const A&) { return *this; }"),
            ["operator==", "operator new", "A::operator()",
             "A::operator bool", "A::operator="])

    def test_annotations_are_not_functions(self):
        self.assertEqual(
            names("class A { void F() REQUIRES(lock_); int n_ "
                  "GUARDED_BY(lock_) = 0; alignas(64) int m_; };"), ["A::F"])

    def test_variables_are_not_functions(self):
        self.assertEqual(
            names("int a = F(1); const Calls kReal = {1, 2};\n"
                  "struct T { void* (*map)(size_t); size_t (*size)(); };\n"
                  "auto f = [](int x) { return x; };\n"
                  "static_assert(sizeof(int) == 4, \"\"); using G = int(int);"
                  "std::function<void(int)> g;"), [])

    def test_function_type_as_result(self):
        self.assertEqual(names("std::function<void(int)> Make(int x);"),
                         ["Make"])

    def test_benchmark_registration_is_none(self):
        self.assertEqual(names("BENCHMARK(F)->Arg(8)->Range(1, 2);\n"
                               "BENCHMARK_MAIN();"), [])


class NotCode(unittest.TestCase):
    """What only looks like code."""

    def test_comments_and_strings(self):
        text = ('// int A() { }\n/* int B() { */\nconst char* s = "int C() {";'
                '\nconst char* r = R"x(int D() { )" })x";\n'
                "char c = '{'; int n = 1'000'000;\nint E() { return '}'; }\n"
                "int F();")
        self.assertEqual(names(text), ["E", "F"])

    def test_directives(self):
        self.assertEqual(names("#define A() int B() { \\\n }\nint C() {}"),
                         ["C"])

    def test_unbalanced_text_ends(self):
        self.assertEqual(names("int A() { if (x) {"), ["A"])
        self.assertEqual(names("} } int A( {"), [])


class Classes(unittest.TestCase):
    """Classes, their own text, their members' access."""

    def test_names(self):
        text = ("class CAPABILITY(\"mutex\") Mutex {};\nclass SCOPED Lock "
                "final : public Base<int> {};\nenum class State : int { kA };"
                "\nunion U { int a; }; struct Outer { struct Inner {}; };")
        self.assertEqual(names(text, "class"), [
            "Mutex", "Lock", "State", "U", "Outer", "Outer::Inner"])

    def test_own_text_leaves_functions_out(self):
        def text_of(body):
            return [entity.text for entity in scanner.scan(
                "class A { int F() { %s } int n_; };" % body)
                if entity.kind == "class"]
        self.assertEqual(text_of("return 1;"), text_of("return 2;"))

    def test_access(self):
        found = {entity.name: entity.public for entity in scanner.scan(
            "class A { void F(); public: void G(); private: void H(); };\n"
            "struct B { void F(); }; void G();")}
        self.assertEqual(found, {
            "A": True, "A::F": False, "A::G": True, "A::H": False, "B": True,
            "B::F": True, "G": True})


class Tests(unittest.TestCase):
    """GoogleTest's macros, and lines."""

    def test_cases(self):
        text = "TEST(A, B) {}\nTEST_F(C, D) { F(); }\nTYPED_TEST(E, F) {}"
        self.assertEqual(names(text, "test"), ["A.B", "C.D", "E.F"])
        self.assertEqual(names(text), [])

    def test_lines(self):
        entity = scanner.scan("\n// why\nint\nF() {\n  return 1;\n}\n")[0]
        self.assertEqual((entity.first, entity.last), (3, 6))

    def test_comments_do_not_count_as_change(self):
        self.assertEqual(scanner.scan("int F() { /* a */ return 1; }")[0].text,
                         scanner.scan("int F() { return 1; }  // b")[0].text)


if __name__ == "__main__":
    unittest.main()
