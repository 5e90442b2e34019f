//! Who may watch the clock and the caches.

/// Leave to let running time and memory addresses depend on secrets.
///
/// Table look-ups under it read only the row they need, about twice as fast, and tell whoever shares the
/// processor's caches which row that was. It is for a machine that the owner alone uses; making a value says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableTime(());

impl VariableTime {
    /// Declares that no one but the owner of the secrets runs programs on this machine.
    pub fn on_a_machine_of_the_owner_alone() -> Self {
        Self(())
    }
}

/// Whether secrets may show in running time and memory addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// They may not: every look-up reads the whole table.
    #[default]
    Constant,
    /// They may.
    Variable(VariableTime),
}

impl VariableTime {
    /// For work on numbers that are no secret anyway.
    pub(crate) fn of_public_numbers() -> Self {
        Self(())
    }
}
