//! cowl-job
