use super::Tally;

/// As libtest prints it under `--show-output`.
const OUTPUT: &str = "
running 5 tests
test log::grows ... ok
test sql::postgres_keeps_order ... ok
test log::breaks ... FAILED
test log::is_slow ... ignored, a generator of vectors
test log::talks ... ok

successes:

---- sql::postgres_keeps_order stdout ----
looking for a server
skipped: COWL_TEST_POSTGRES is not set
skipped: and so is nothing else

---- log::talks stdout ----
test something else ... FAILED
not skipped: this is talk

successes:
    log::grows
    log::talks
    sql::postgres_keeps_order

failures:

---- log::breaks stdout ----
skipped: the second half
thread 'log::breaks' panicked at src/log.rs:3:5:

failures:
    log::breaks

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

fn names(outcomes: &[super::Outcome]) -> Vec<String> {
    outcomes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_test_that_says_it_was_skipped_has_not_passed() {
    let tally = Tally::parse("store", OUTPUT);
    assert_eq!(tally.to_string(), "2 passed, 1 failed, 2 skipped");
    assert_eq!(
        names(&tally.skipped),
        [
            "store log::is_slow: a generator of vectors",
            "store sql::postgres_keeps_order: COWL_TEST_POSTGRES is not set; and so is nothing else",
        ]
    );
}

#[test]
fn a_failed_test_is_named_and_stays_failed_whatever_it_says() {
    let tally = Tally::parse("store", OUTPUT);
    assert_eq!(names(&tally.failed), ["store log::breaks"]);
    assert!(!tally.is_green());
}

#[test]
fn a_failure_whose_name_is_lost_is_still_counted() {
    let output = "test a ... noise of a child process\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;";
    assert_eq!(Tally::parse("store", output).to_string(), "0 passed, 1 failed, 0 skipped");
}

#[test]
fn several_reports_are_summed() {
    let report = "test a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
    let tally = Tally::parse("documentation", &report.repeat(3));
    assert_eq!(tally.to_string(), "3 passed, 0 failed, 0 skipped");
    assert!(tally.is_green() && tally.has_results());
}

#[test]
fn a_program_that_dies_has_no_result() {
    assert!(!Tally::parse("store", "running 2 tests\ntest a ... ok\n").has_results());
}

#[test]
fn a_case_that_a_test_leaves_out_is_listed_and_the_test_has_still_passed() {
    let output = "test onnx ... ok\n\nsuccesses:\n\n---- onnx stdout ----\nskipped case: test_pad: no such mode: odd\n\n\
        successes:\n    onnx\n\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
    let tally = Tally::parse("model::onnx", output);
    assert_eq!(tally.to_string(), "1 passed, 0 failed, 1 skipped");
    assert_eq!(names(&tally.skipped), ["model::onnx test_pad: no such mode: odd"]);
}
