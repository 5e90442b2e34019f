//! Where a job stands at the cloud.

use crate::party::coded;

coded! {
    /// Where a job stands.
    JobState ("state of a job") {
        /// Asked for; the opener has not answered yet.
        Planned = 0, "planned";
        /// The opener has consented.
        Consented = 1, "consented";
        /// The opener has the cloud compute, as often as it asks; nothing has been handed out.
        Running = 2, "running";
        /// The receivers have their results.
        Settled = 3, "settled";
        /// The opener has refused.
        Refused = 4, "refused";
        /// What it was to work on, or a grant that it needed, is no longer there.
        Failed = 5, "failed";
        /// Who asked for it has taken it back.
        Withdrawn = 6, "withdrawn";
    }
}

impl JobState {
    /// Whether something may still come of it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Consented | Self::Running)
    }
}
