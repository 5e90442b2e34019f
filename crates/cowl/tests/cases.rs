//! Help texts and plain errors, recorded as files under `cmd/`.

#[test]
fn help_and_errors_read_as_recorded() {
    trycmd::TestCases::new().env("HOME", "/home/nobody").env("COLUMNS", "100").case("tests/cmd/*.trycmd");
}
