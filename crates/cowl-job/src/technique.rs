//! Techniques: ways to compute on items without showing them more than the plan says.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cowl_domain::Verified;

use crate::evidence::{Attested, Evidence, EvidenceError};
use crate::plan::Plan;
use crate::ports::Ports;
use crate::refusal::Refusal;
use crate::seat::Roster;
use crate::spec::{JobSpec, TechniqueId};
use crate::state::{Failure, Outcome, Planned, Running};

/// A way to run jobs. `cowl-testkit` has the suite that each implementation must pass, beside its ideal twin.
#[async_trait]
pub trait Technique: Send + Sync {
    /// Its name in specifications.
    fn id(&self) -> TechniqueId;

    /// What it would do. Pure: equal arguments give equal plans, on every machine.
    ///
    /// # Errors
    /// A [`Refusal`] when it does not do this, or not with this roster.
    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal>;

    /// Does this seat's part. No result is visible unless it is complete.
    ///
    /// # Errors
    /// [`Failure`]; the job cannot be resumed.
    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure>;

    /// Checks evidence of a job of this technique: its own proof, and through [`Attested::of`] that it is about
    /// this job. Anybody can, later and elsewhere.
    ///
    /// # Errors
    /// [`EvidenceError`] says what does not fit.
    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError>;
}

/// The techniques that a program has.
#[derive(Clone, Default)]
pub struct Registry {
    techniques: BTreeMap<TechniqueId, Arc<dyn Technique>>,
}

impl Registry {
    /// The registry of these; of two with one name the later counts.
    pub fn new(techniques: impl IntoIterator<Item = Arc<dyn Technique>>) -> Self {
        Self { techniques: techniques.into_iter().map(|one| (one.id(), one)).collect() }
    }

    /// The names, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &TechniqueId> {
        self.techniques.keys()
    }

    /// The technique of this name.
    ///
    /// # Errors
    /// [`Refusal::UnknownTechnique`].
    pub fn get(&self, id: &TechniqueId) -> Result<&dyn Technique, Refusal> {
        let found = self.techniques.get(id).map(AsRef::as_ref);
        found.ok_or_else(|| Refusal::UnknownTechnique { technique: id.clone() })
    }

    /// Has the technique that `spec` names plan it.
    ///
    /// # Errors
    /// The technique's [`Refusal`], or that there is no such technique.
    pub fn plan(&self, spec: JobSpec, roster: Roster) -> Result<Planned, Refusal> {
        spec.check_shape()?;
        let plan = self.get(&spec.technique)?.plan(&spec, &roster)?;
        Planned::new(spec, roster, plan)
    }
}
