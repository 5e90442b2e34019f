//! cowl-vault
