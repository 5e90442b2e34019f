//! cowl-store
