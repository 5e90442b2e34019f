//! `cowl-job`: specifications, plans, consents and evidence.

use cowl_job::{ConsentStatement, Evidence, JobSpec, Plan, TechniqueId};

use crate::domain;

/// Everything of a job that comes from other seats.
pub fn statements(bytes: &[u8]) {
    domain::statement::<ConsentStatement>(bytes);
    domain::statement::<JobSpec>(bytes);
    domain::statement::<Evidence>(bytes);
    if let Ok(spec) = JobSpec::from_bytes(bytes) {
        assert_eq!(spec.to_bytes(), bytes);
        let _ = spec.check_shape();
    }
    if let Ok(plan) = Plan::from_bytes(bytes) {
        assert_eq!(plan.to_bytes(), bytes);
        let matrix = plan.matrix();
        assert!(matrix.rows.iter().all(|(_, row)| row.len() == matrix.facts.len()));
    }
    if let Some(technique) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<TechniqueId>().ok())
    {
        assert_eq!(technique.as_str().as_bytes(), bytes);
    }
}
