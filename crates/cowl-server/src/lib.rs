//! cowl-server
