//! Numbers of bytes as people read them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes: decimal units for people, the plain number in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64;
        let mut unit = "";
        for next in UNITS {
            // What would be rounded to 1000 belongs to the next unit.
            if !unit.is_empty() && value < 999.95 {
                break;
            }
            value /= 1000.0;
            unit = next;
        }
        let digits = if value < 99.95 { 1 } else { 0 };
        f.pad(&format!("{value:.digits$} {unit}"))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// A count with its noun: "1 item", "2 items".
pub(crate) fn count(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {singular}{plural}")
}

const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let said = |bytes| Size(bytes).to_string();
        assert_eq!(said(0), "0 B");
        assert_eq!(said(999), "999 B");
        assert_eq!(said(1_000), "1.0 kB");
        assert_eq!(said(14_200_000), "14.2 MB");
        assert_eq!(said(999_960), "1.0 MB");
        assert_eq!(said(512_000), "512 kB");
        assert_eq!(said(21_474_836_480), "21.5 GB");
    }

    #[test]
    fn one_thing_is_not_many() {
        assert_eq!(count(1, "part"), "1 part");
        assert_eq!(count(0, "part"), "0 parts");
    }
}
