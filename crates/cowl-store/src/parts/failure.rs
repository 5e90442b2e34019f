//! What a store's errors mean to us.

use std::error::Error;
use std::io;

use crate::error::StoreError;

const PART_STORE: &str = "part store";

pub(super) fn config(detail: String) -> StoreError {
    StoreError::Config { what: PART_STORE, detail }
}

pub(super) fn failed(error: object_store::Error) -> StoreError {
    if is_full(&error) {
        return StoreError::Full { what: PART_STORE };
    }
    match error {
        object_store::Error::NotFound { .. } => StoreError::NotFound,
        other => StoreError::Unavailable { what: PART_STORE, detail: chain(&other) },
    }
}

pub(super) fn broken(error: &io::Error) -> StoreError {
    StoreError::Unavailable { what: PART_STORE, detail: error.to_string() }
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    let full = |e: &io::Error| matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(full))
}

/// The error and its causes, each once: some repeat the next one's text.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).fold(String::new(), |text, cause| match text {
        empty if empty.is_empty() => cause,
        told if told.contains(&cause) => told,
        told => format!("{told}: {cause}"),
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}
