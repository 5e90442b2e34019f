//! cowl-imaging
