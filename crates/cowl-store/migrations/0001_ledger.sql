-- The first ledger. {blob}, {int} and {text} are the database's types; {strict} is SQLite's STRICT.
-- Identifiers are 16 bytes, digests and hashes 32, times milliseconds since 1970.

CREATE TABLE party (
    id {blob} PRIMARY KEY,
    handle {text} NOT NULL UNIQUE,
    email {text},
    role {text} NOT NULL,
    opaque_record {blob},
    key_store {blob},
    quota {int} NOT NULL,
    used {int} NOT NULL DEFAULT 0 CHECK (used >= 0),
    deleted_at {int}
) {strict};

-- Every binding is an open leaf of the log.
CREATE TABLE key_binding (
    party {blob} NOT NULL REFERENCES party (id),
    version {int} NOT NULL,
    signed {blob} NOT NULL,
    leaf {int} NOT NULL UNIQUE,
    PRIMARY KEY (party, version)
) {strict};

CREATE TABLE session (
    token {blob} PRIMARY KEY,
    party {blob} NOT NULL REFERENCES party (id),
    expires_at {int} NOT NULL
) {strict};
CREATE INDEX session_by_party ON session (party);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE login_attempt (
    attempt {blob} PRIMARY KEY,
    handle {text} NOT NULL,
    party {blob},
    state {blob} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
CREATE INDEX login_attempt_by_expiry ON login_attempt (expires_at);

CREATE TABLE login_failure (
    subject {text} PRIMARY KEY,
    failures {int} NOT NULL,
    window_ends {int} NOT NULL
) {strict};

CREATE TABLE record (
    id {blob} PRIMARY KEY,
    owner {blob} NOT NULL REFERENCES party (id),
    genesis {blob} NOT NULL,
    head {blob} NOT NULL,
    sequence {int} NOT NULL,
    epoch {int} NOT NULL,
    changes {int} NOT NULL DEFAULT 0,
    deleted_at {int}
) {strict};
CREATE INDEX record_by_owner ON record (owner);

CREATE TABLE epoch (
    record {blob} NOT NULL REFERENCES record (id),
    number {int} NOT NULL,
    signed {blob} NOT NULL,
    PRIMARY KEY (record, number)
) {strict};

CREATE TABLE item (
    record {blob} NOT NULL REFERENCES record (id),
    item {blob} NOT NULL,
    version {int} NOT NULL,
    placement {blob} NOT NULL,
    placement_digest {blob} NOT NULL,
    header {blob} NOT NULL,
    manifest {blob} NOT NULL,
    placer {blob} NOT NULL,
    in_head {int} NOT NULL,
    arrival {int} NOT NULL,
    PRIMARY KEY (record, item)
) {strict};
-- Lists and roots are made without touching headers and manifests.
CREATE INDEX item_placement ON item (record, in_head, item, placement_digest);

CREATE TABLE pack (
    id {blob} PRIMARY KEY,
    bytes {int} NOT NULL,
    live {int} NOT NULL CHECK (live >= 0),
    made_at {int} NOT NULL,
    dead_since {int},
    doomed_at {int}
) {strict};
CREATE INDEX pack_with_dead_parts ON pack (dead_since) WHERE dead_since IS NOT NULL;
CREATE INDEX pack_doomed ON pack (doomed_at) WHERE doomed_at IS NOT NULL;

-- Item and version are empty until a commit takes the part; a part that is given up has no row.
CREATE TABLE part (
    name {blob} PRIMARY KEY,
    record {blob} NOT NULL REFERENCES record (id),
    item {blob},
    version {int},
    pack {blob} NOT NULL REFERENCES pack (id),
    start {int} NOT NULL,
    length {int} NOT NULL,
    hash {blob} NOT NULL,
    uploaded_by {blob} NOT NULL REFERENCES party (id),
    uploaded_at {int} NOT NULL
) {strict};
CREATE INDEX part_by_item ON part (record, item);
CREATE INDEX part_by_pack ON part (pack);
CREATE INDEX part_uncommitted ON part (uploaded_at) WHERE item IS NULL;

CREATE TABLE access_grant (
    id {blob} PRIMARY KEY,
    record {blob} NOT NULL REFERENCES record (id),
    owner {blob} NOT NULL REFERENCES party (id),
    grantee {blob} NOT NULL REFERENCES party (id),
    item {blob},
    powers {int} NOT NULL,
    made_at {int} NOT NULL,
    expires_at {int},
    signed {blob} NOT NULL,
    note {blob},
    revoked_at {int},
    revocation {blob},
    expiry_noted {int} NOT NULL DEFAULT 0,
    rekeyed {int} NOT NULL DEFAULT 0
) {strict};
CREATE INDEX access_grant_by_grantee ON access_grant (grantee, record);
CREATE INDEX access_grant_by_owner ON access_grant (owner);
CREATE INDEX access_grant_by_record ON access_grant (record);
CREATE INDEX access_grant_by_expiry ON access_grant (expires_at) WHERE expiry_noted = 0;

-- Of an epoch's identity (item empty, number = epoch) or an item's file key (number = version).
CREATE TABLE share (
    access_grant {blob} NOT NULL REFERENCES access_grant (id),
    item {blob} NOT NULL,
    number {int} NOT NULL,
    signed {blob} NOT NULL,
    PRIMARY KEY (access_grant, item, number)
) {strict};

CREATE TABLE access_request (
    id {blob} PRIMARY KEY,
    sender {blob} NOT NULL REFERENCES party (id),
    owner {blob} NOT NULL REFERENCES party (id),
    made_at {int} NOT NULL,
    signed {blob} NOT NULL,
    answer {blob}
) {strict};
CREATE INDEX access_request_by_sender ON access_request (sender);
CREATE INDEX access_request_by_owner ON access_request (owner);

CREATE TABLE read_ticket (
    token {blob} PRIMARY KEY,
    party {blob} NOT NULL REFERENCES party (id),
    record {blob} NOT NULL REFERENCES record (id),
    expires_at {int} NOT NULL
) {strict};
CREATE INDEX read_ticket_by_expiry ON read_ticket (expires_at);

CREATE TABLE ticket_item (
    token {blob} NOT NULL REFERENCES read_ticket (token) ON DELETE CASCADE,
    item {blob} NOT NULL,
    PRIMARY KEY (token, item)
) {strict};

CREATE TABLE log_state (
    id {int} PRIMARY KEY CHECK (id = 1),
    size {int} NOT NULL
) {strict};
INSERT INTO log_state (id, size) VALUES (1, 0);

CREATE TABLE log_leaf (
    position {int} PRIMARY KEY,
    hash {blob} NOT NULL
) {strict};

CREATE TABLE log_event (
    position {int} PRIMARY KEY,
    salt {blob} NOT NULL,
    event {blob} NOT NULL
) {strict};

CREATE TABLE event_audience (
    party {blob} NOT NULL,
    position {int} NOT NULL REFERENCES log_event (position),
    PRIMARY KEY (party, position)
) {strict};
