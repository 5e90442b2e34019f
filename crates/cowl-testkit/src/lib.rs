//! cowl-testkit
