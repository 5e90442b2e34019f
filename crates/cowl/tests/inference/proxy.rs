//! Between two parties: a wire that changes bytes, falls silent, or is slow.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Trio;

/// What becomes of bytes from the callee, told their place since the proxy began.
#[derive(Clone, Copy)]
enum Fault {
    /// The lowest bit of the byte at this place is flipped.
    Flip(usize),
    /// Nothing is passed on from this place.
    Silence(usize),
}

/// Listens, and passes on what comes to `to`; the bytes on their way back suffer `fault`.
fn between(to: &str, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let to = to.to_owned();
    let passed = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&to) else { continue };
            let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut near_in, &mut far_out);
                let _ = far_out.shutdown(Shutdown::Write);
            });
            let passed = passed.clone();
            thread::spawn(move || pass(far, near, fault, &passed));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream, fault: Fault, passed: &AtomicUsize) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let first = passed.fetch_add(length, Ordering::Relaxed);
        match fault {
            Fault::Flip(at) if (first..first + length).contains(&at) => buffer[at - first] ^= 1,
            Fault::Silence(at) if first + length > at => continue,
            _ => {}
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A run over a wire with a fault; what the hospital says.
fn run_over(trio: &Trio, fault: Fault, patience: &str) -> String {
    let address = between(&trio.maker.address, fault);
    let input = trio.input.to_str().unwrap();
    let arguments = ["infer", "run", "--model", "digits", "--at", &address, "--input", input, "--yes"];
    trio.world.no(1, "hospital", &[&arguments[..], &["--patience", patience]].concat())
}

#[test]
fn a_bit_that_is_flipped_in_any_message_ends_the_run_by_name_and_nothing_comes_out() {
    let Some(trio) = Trio::begin() else { return };
    // From the handshake to the last message: the maker sends some 3,000 bytes.
    let flips = [600, 1_400, 1_700, 2_000, 2_400, 2_700];
    trio.stock(flips.len() as u32 + 1);
    for at in flips {
        let said = run_over(&trio, Fault::Flip(at), "20s");
        assert!(
            said.contains("were changed on the way") || said.contains("does not speak this protocol"),
            "{at}: {said}"
        );
    }
    let [here, there] = trio.left();
    trio.run();
    assert!(here >= 1 && there >= 1);
}

#[test]
fn a_party_that_stops_answering_in_the_middle_of_a_run_is_named() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let said = run_over(&trio, Fault::Silence(2_500), "1s");
    assert!(said.contains("maker has stopped answering"), "{said}");
}
