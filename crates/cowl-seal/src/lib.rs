//! cowl-seal
