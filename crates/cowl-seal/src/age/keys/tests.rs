use super::*;

const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const HYBRID: &str = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";

fn both() -> [(&'static str, Identity); 2] {
    [IDENTITY, HYBRID].map(|text| (text, text.parse().unwrap()))
}

#[test]
fn the_checksum_is_bech32s() {
    LongBech32::sanity_check();
}

#[test]
fn identities_and_recipients_survive_their_text() {
    for (text, identity) in both() {
        assert_eq!(identity.expose_string().unwrap().as_str(), text);
        let recipient = identity.recipient().unwrap();
        let written = recipient.to_string();
        assert_eq!(written.parse(), Ok(recipient));
    }
    assert!(both()[1].1.recipient().unwrap().to_string().starts_with("age1pq1"));
}

#[test]
fn every_slip_of_the_pen_is_noticed() {
    for (text, identity) in both() {
        for at in 0..text.len() {
            let mut slip = text.as_bytes().to_vec();
            slip[at] = if slip[at] == b'Q' { b'P' } else { b'Q' };
            assert!(String::from_utf8(slip).unwrap().parse::<Identity>().is_err(), "{at}");
            assert!(text[..at].parse::<Identity>().is_err());
        }
        let recipient = identity.recipient().unwrap().to_string();
        for at in 0..recipient.len() {
            let mut slip = recipient.as_bytes().to_vec();
            slip[at] = if slip[at] == b'q' { b'p' } else { b'q' };
            assert!(String::from_utf8(slip).unwrap().parse::<Recipient>().is_err(), "{at}");
        }
    }
}

#[test]
fn case_matters() {
    for (text, identity) in both() {
        assert!(text.to_lowercase().parse::<Identity>().is_err());
        let recipient = identity.recipient().unwrap().to_string();
        assert!(recipient.to_uppercase().parse::<Recipient>().is_err());
        assert!(format!("age1{}", recipient[4..].to_uppercase()).parse::<Recipient>().is_err());
    }
}

#[test]
fn a_secret_in_a_file_of_recipients_is_named_as_such() {
    let text = format!("# people\n\n{IDENTITY}\n");
    let error = read_recipients(&text).unwrap_err();
    assert_eq!(error, KeyFileError { line: 3, error: KeyTextError::Secret });
    assert!(!error.to_string().contains("EGTZ"));
}

#[test]
fn files_of_keys_may_have_comments_and_empty_lines() {
    let text = format!("# created: today\r\n# public key: age1…\r\n{IDENTITY}\r\n\r\n{HYBRID}");
    let identities = read_identities(&text).unwrap();
    assert_eq!(identities.len(), 2);
    let recipients: String = identities.iter().map(|one| format!("{}\n", one.recipient().unwrap())).collect();
    assert_eq!(read_recipients(&recipients).unwrap().len(), 2);
    assert_eq!(
        read_identities("nonsense").map(drop),
        Err(KeyFileError { line: 1, error: KeyTextError::NoIdentity })
    );
}

#[test]
fn other_kinds_of_keys_are_no_recipients() {
    for text in [
        "",
        "age",
        "ssh-ed25519 AAAA",
        "age1",
        "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e",
    ] {
        assert!(text.parse::<Recipient>().is_err(), "{text}");
    }
}
