//! Wrong use of the calling contexts is a compile error.

#[test]
fn wrong_context_does_not_compile() {
    trybuild::TestCases::new().compile_fail("model-tests/ui/*/*.rs");
}
