//! Calls into parsers that may panic on damaged files.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use cowl_domain::{ExtractError, Kind};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `parse` and turns its panic into an error, without the report on standard error that panics leave.
///
/// The first call replaces the process's panic hook by one that is silent while this thread is in `parse`
/// and otherwise does what the hook before it did. A program that sets its own hook does so before.
/// Stack overflow and exhausted memory are not panics; they still end the process.
pub(super) fn call<T>(
    kind: Kind,
    parse: impl FnOnce() -> Result<T, ExtractError>,
) -> Result<T, ExtractError> {
    install_hook();
    let before = CONTAINED.replace(true);
    // What `parse` borrowed is dropped or only read after a panic: nothing half-changed is seen again.
    let outcome = panic::catch_unwind(AssertUnwindSafe(parse));
    CONTAINED.set(before);
    outcome.unwrap_or_else(|_| Err(ExtractError { kind, detail: "the parser gave up on it".to_owned() }))
}

fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CONTAINED.get() {
                before(info);
            }
        }));
    });
}
