//! The few colours of the terminal. Each stands beside a word or sign that says the same.

use anstyle::{AnsiColor, Style};

/// Heads of tables, names of steps.
pub(crate) const HEAD: Style = Style::new().bold();
/// It is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// It is not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Figures and asides.
pub(crate) const QUIET: Style = Style::new().dimmed();
/// Words that were looked for.
pub(crate) const MATCH: Style = AnsiColor::Yellow.on_default().bold();
/// What one may type.
pub(crate) const COMMAND: Style = AnsiColor::Cyan.on_default();
