use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cowl_domain::SealingKey;
use cowl_seal::XWingIdentity;

use super::*;

struct Someone {
    key: SigningKey,
    peer: PeerKey,
}

fn someone(name: &str) -> Someone {
    let key = SigningKey::make();
    let sealing = SealingKey::from_slice(&XWingIdentity::make().recipient().to_bytes()).unwrap();
    let party = PartyKeys::first_id(&key.verifying_key(), &sealing);
    let keys = PartyKeys { party, version: 0, signing: key.verifying_key(), sealing, rsa: None };
    Someone { key, peer: PeerKey { name: name.to_owned(), keys } }
}

const PATIENCE: Duration = Duration::from_secs(20);

/// What a server that expects `expected` makes of one connection.
fn served<T: Send>(
    server: &Someone,
    expected: &[&Someone],
    patience: Duration,
    serve: impl FnOnce(Result<(Link, PeerKey), PeerError>) -> T + Send,
    client: impl FnOnce(&str),
) -> T {
    let peers: Vec<PeerKey> = expected.iter().map(|one| one.peer.clone()).collect();
    let listener = Listener::bind(&Identity::new(&server.key), peers, "127.0.0.1:0", patience).unwrap();
    let address = listener.address().unwrap().to_string();
    thread::scope(|scope| {
        let served = scope.spawn(|| serve(listener.wait().map(|socket| listener.greet(socket)).unwrap()));
        client(&address);
        served.join().unwrap()
    })
}

fn connect_as(me: &Someone, to: &Someone, address: &str) -> Result<Link, PeerError> {
    connect(&Identity::new(&me.key), &to.peer, address, PATIENCE)
}

#[test]
fn two_parties_that_expect_each_other_talk_both_ways() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| {
        let (mut link, peer) = greeted.unwrap();
        assert_eq!(peer, hospital.peer);
        assert_eq!(link.hear::<String>("word").unwrap(), "how are you");
        link.say(&"well".to_owned()).unwrap();
        assert_eq!(link.hear_next::<String>("word").unwrap(), None);
    };
    served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut link = connect_as(&hospital, &maker, address).unwrap();
        link.say(&"how are you".to_owned()).unwrap();
        assert_eq!(link.hear::<String>("word").unwrap(), "well");
        link.close();
    });
}

#[test]
fn a_server_with_another_key_than_the_directorys_is_a_stranger() {
    let (hospital, maker, thief) = (someone("hospital"), someone("maker"), someone("thief"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| greeted.map(|_| ()).unwrap_err();
    let told = served(&thief, &[&hospital], PATIENCE, serve, |address| {
        let error = connect_as(&hospital, &maker, address).map(|_| ()).unwrap_err();
        assert!(matches!(&error, PeerError::Stranger { peer } if peer == "maker"), "{error}");
    });
    assert!(matches!(told, PeerError::NotWelcome { .. }), "{told}");
}

#[test]
fn a_client_that_is_not_expected_is_a_stranger_to_the_server_and_is_told() {
    let (hospital, maker, thief) = (someone("hospital"), someone("maker"), someone("thief"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| greeted.map(|_| ()).unwrap_err();
    let told = served(&maker, &[&hospital], PATIENCE, serve, |address| {
        // The client of TLS 1.3 is done before the server has looked at its key.
        let heard = connect_as(&thief, &maker, address).and_then(|mut link| link.hear::<String>("word"));
        let error = heard.unwrap_err();
        assert!(matches!(error, PeerError::NotWelcome { .. }), "{error}");
    });
    assert!(matches!(told, PeerError::Stranger { .. }), "{told}");
}

struct List {
    peers: Vec<PeerKey>,
    asked: Arc<AtomicUsize>,
}

impl GuestList for List {
    fn now(&self) -> Option<Vec<PeerKey>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some(self.peers.clone())
    }
}

#[test]
fn newcomers_who_knock_are_let_in_and_the_list_is_asked_for_once() {
    let (newcomer, before) = (someone("newcomer"), someone("before"));
    let asked = Arc::new(AtomicUsize::new(0));
    let list = List { peers: vec![newcomer.peer.clone()], asked: asked.clone() };
    let guests = Guests::of(Box::new(list), vec![before.peer.clone()]);
    let [newcomers, befores] = [&newcomer, &before].map(|one| one.peer.keys.signing);
    assert!(guests.let_in(&befores) && asked.load(Ordering::SeqCst) == 0);
    thread::scope(|scope| {
        let knocks: Vec<_> = (0..8).map(|_| scope.spawn(|| guests.let_in(&newcomers))).collect();
        assert!(knocks.into_iter().all(|knock| knock.join().unwrap()));
    });
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(guests.with_key(&befores).is_none(), "who is not on the list any more is still let in");
}

#[test]
fn a_program_that_speaks_something_else_is_turned_away() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| greeted.map(|_| ()).unwrap_err();
    let error = served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let _ = socket.read(&mut [0; 100]);
    });
    assert!(matches!(error, PeerError::Protocol { .. }), "{error}");
}

#[test]
fn both_may_send_large_messages_at_once_and_neither_waits_for_the_other_to_read() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let size = 24 << 20;
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| {
        let (mut link, _) = greeted.unwrap();
        link.send(&vec![1; size]).unwrap();
        assert!(link.receive(size).unwrap().iter().all(|byte| *byte == 2));
        link.flush().unwrap();
        link.close();
    };
    served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut link = connect_as(&hospital, &maker, address).unwrap();
        link.send(&vec![2; size]).unwrap();
        // Bytes come in order, whatever pieces are asked for.
        assert_eq!(link.receive(3).unwrap(), [1; 3]);
        assert!(link.receive(size - 3).unwrap().iter().all(|byte| *byte == 1));
        link.flush().unwrap();
        link.close();
    });
}

#[test]
fn a_stream_arrives_whole_and_one_without_an_end_does_not() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| {
        let (mut link, _) = greeted.unwrap();
        let mut whole = Vec::new();
        StreamReader::new(&mut link).read_to_end(&mut whole).unwrap();
        assert_eq!(whole, vec![7; 3_000_000]);
        let cut = StreamReader::new(&mut link).read_to_end(&mut Vec::new()).unwrap_err();
        cut.downcast::<PeerError>().unwrap()
    };
    let error = served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut link = connect_as(&hospital, &maker, address).unwrap();
        let mut stream = StreamWriter::new(&mut link);
        stream.write_all(&vec![7; 3_000_000]).unwrap();
        stream.finish().unwrap();
        StreamWriter::new(&mut link).write_all(&[7; 10]).unwrap();
        link.close();
    });
    assert!(matches!(error, PeerError::HungUp { .. }), "{error}");
}

#[test]
fn a_refusal_is_heard_in_its_words_also_after_unread_bytes() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| greeted.unwrap().0.refuse("not today");
    served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut link = connect_as(&hospital, &maker, address).unwrap();
        link.send(&vec![0; 100_000]).unwrap();
        let error = link.hear::<String>("word").unwrap_err();
        assert!(matches!(&error, PeerError::Refused { reason, .. } if reason == "not today"), "{error}");
    });
}

#[test]
fn a_party_that_stops_answering_is_given_up() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let patience = Duration::from_millis(100);
    let serve =
        |greeted: Result<(Link, PeerKey), PeerError>| greeted.unwrap().0.hear::<String>("word").unwrap_err();
    let mut kept = None;
    let error = served(&maker, &[&hospital], patience, serve, |address| {
        kept = Some(connect_as(&hospital, &maker, address).unwrap());
    });
    assert!(matches!(&error, PeerError::Silent { peer, .. } if peer == "hospital"), "{error}");
}

/// Passes bytes on, and flips a bit of one of those that come from the server.
fn flipping(to: &str, at: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let to = to.to_owned();
    thread::spawn(move || {
        let (mut near, mut far) = (listener.accept().unwrap().0, TcpStream::connect(to).unwrap());
        let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || drop(std::io::copy(&mut near_in, &mut far_out)));
        let (mut passed, mut buffer) = (0, [0; 4096]);
        while let Ok(length @ 1..) = far.read(&mut buffer) {
            if (passed..passed + length).contains(&at) {
                buffer[at - passed] ^= 1;
            }
            passed += length;
            if near.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = near.shutdown(std::net::Shutdown::Write);
    });
    address
}

#[test]
fn a_bit_that_is_flipped_on_the_way_is_named_at_both_ends() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    let serve = |greeted: Result<(Link, PeerKey), PeerError>| {
        let (mut link, _) = greeted.unwrap();
        link.send(&[5; 100_000]).unwrap();
        link.receive(1).unwrap_err()
    };
    let there = served(&maker, &[&hospital], PATIENCE, serve, |address| {
        let mut link = connect_as(&hospital, &maker, &flipping(address, 60_000)).unwrap();
        let error = link.receive(100_000).unwrap_err();
        assert!(matches!(error, PeerError::Tampered { .. }), "{error}");
    });
    assert!(matches!(there, PeerError::TamperedThere { .. }), "{there}");
}

#[test]
fn a_bit_that_is_flipped_in_the_handshake_ends_it_at_both_ends() {
    let (hospital, maker) = (someone("hospital"), someone("maker"));
    for at in [0, 5, 50, 500, 1200, 1300, 1400] {
        let serve = |greeted: Result<(Link, PeerKey), PeerError>| {
            greeted.and_then(|(mut link, _)| link.hear::<String>("word")).unwrap_err()
        };
        served(&maker, &[&hospital], PATIENCE, serve, |address| {
            let met = connect_as(&hospital, &maker, &flipping(address, at));
            assert!(met.is_err(), "a handshake with byte {at} flipped");
        });
    }
}
