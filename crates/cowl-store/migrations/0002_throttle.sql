-- Attempts to log in are limited by address, by handle, and by both together: a place. Subjects are pseudonyms.
-- Forgotten counts are deleted in passing, so that no process needs the other's rules.

DROP TABLE login_failure;

CREATE TABLE throttle (
    subject {text} PRIMARY KEY,
    attempts {int} NOT NULL CHECK (attempts >= 0),
    last_at {int} NOT NULL,
    forget_at {int} NOT NULL
) {strict};
CREATE INDEX throttle_by_end ON throttle (forget_at);

-- Places from which an account was logged in before: strangers' attempts do not hold them up.
CREATE TABLE known_place (
    subject {text} PRIMARY KEY,
    forget_at {int} NOT NULL
) {strict};
CREATE INDEX known_place_by_end ON known_place (forget_at);
