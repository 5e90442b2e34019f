-- Grants to compute: on what terms, and how many jobs have been counted against them.
CREATE TABLE compute_terms (
    access_grant {blob} PRIMARY KEY REFERENCES access_grant (id),
    technique {text} NOT NULL,
    minimum_cohort {int} NOT NULL,
    runs {int},
    used {int} NOT NULL DEFAULT 0 CHECK (used >= 0)
) {strict};

-- Who asks (and signed the specification), and who owns what it works on and opens what comes out.
CREATE TABLE job (
    id {blob} PRIMARY KEY,
    asker {blob} NOT NULL REFERENCES party (id),
    owner {blob} NOT NULL REFERENCES party (id),
    state {int} NOT NULL,
    spec {blob} NOT NULL,
    program {blob} NOT NULL,
    minimum_cohort {int} NOT NULL,
    consent {blob},
    consent_ends {int},
    refusal {blob},
    failure {text},
    evidence {blob},
    asked_at {int} NOT NULL,
    changed_at {int} NOT NULL
) {strict};
CREATE INDEX job_by_asker ON job (asker, asked_at, id);
CREATE INDEX job_by_owner ON job (owner, asked_at, id);

CREATE TABLE job_item (
    job {blob} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    place {int} NOT NULL,
    record {blob} NOT NULL REFERENCES record (id),
    item {blob} NOT NULL,
    placement {blob} NOT NULL,
    PRIMARY KEY (job, place)
) {strict};

CREATE TABLE job_grant (
    job {blob} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    access_grant {blob} NOT NULL REFERENCES access_grant (id),
    PRIMARY KEY (job, access_grant)
) {strict};

CREATE TABLE job_result (
    job {blob} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    receiver {blob} NOT NULL REFERENCES party (id),
    sealed {blob} NOT NULL,
    PRIMARY KEY (job, receiver)
) {strict};
