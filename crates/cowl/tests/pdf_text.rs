//! PDF files are read by a process with limits: whatever a file does, `cowl` itself goes on.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::process::Output;

use world::{World, cowl, text, with_stdin};

fn sample() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/notes/visit-gingivitis.pdf");
    std::fs::read(path).unwrap()
}

fn read(file: &[u8]) -> Output {
    let home = tempfile::tempdir().unwrap();
    with_stdin(cowl(home.path()).arg("pdf-text"), file)
}

/// Deflated zeros (RFC 1951), `matches` times 258 of them: 13 bits each, in a zlib stream without an end.
fn deflated_zeros(matches: usize) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (vec![0x78, 0x01], 0u64, 0);
    let mut push = |value: u64, length: u32| {
        bits |= value << count;
        count += length;
        while count >= 8 {
            bytes.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    // One last block of fixed codes, and a first zero to repeat.
    push(0b011, 3);
    push(u64::from(0b0011_0000_u8.reverse_bits()), 8);
    for _ in 0..matches {
        // Length 258 is symbol 285, distance 1 is symbol 0.
        push(u64::from(0b1100_0101_u8.reverse_bits()), 8);
        push(0, 5);
    }
    bytes
}

/// A page that unpacks to about 160 times the file.
fn bomb(matches: usize) -> Vec<u8> {
    let content = deflated_zeros(matches);
    let head = format!("<< /Filter /FlateDecode /Length {} >>\nstream\n", content.len());
    let stream = [head.as_bytes(), &content, b"\nendstream"].concat();
    let objects: [&[u8]; 4] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << >> /Contents 4 0 R >>",
        &stream,
    ];
    let (mut file, mut offsets) = (b"%PDF-1.7\n".to_vec(), Vec::new());
    for (index, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        file.extend(format!("{} 0 obj\n", index + 1).bytes());
        file.extend_from_slice(object);
        file.extend(b"\nendobj\n");
    }
    let table = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|offset| file.extend(format!("{offset:010} 00000 n \n").bytes()));
    let trailer =
        format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    file.extend(trailer.bytes());
    file
}

#[test]
fn an_honest_file_is_read() {
    let output = read(&sample());
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("gingivitis (disorder)"));
    assert!(!read(b"%PDF-1.7 and nothing more").status.success());
}

#[test]
fn a_file_that_unpacks_to_gigabytes_ends_its_reader_and_not_more() {
    let small = read(&bomb(1000));
    assert!(small.status.success(), "what fits is no bomb: {}", text(&small.stderr));
    let output = read(&bomb(12_000_000));
    assert!(!output.status.success() && output.stdout.is_empty(), "3 GB were unpacked: {:?}", output.status);
}

#[test]
fn a_record_takes_in_honest_files_and_bombs_and_finds_the_words_of_the_former() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let honest = world.write("visit.pdf", sample());
    let bomb = world.write("bomb.pdf", bomb(12_000_000));
    let added = world.json("alice", &["record", "add", honest.to_str().unwrap(), bomb.to_str().unwrap()]);
    assert_eq!(added["files"].as_array().unwrap().len(), 2, "{added}");
    let notes = added["files"].as_array().unwrap().iter().map(|file| file["note"].as_str());
    let notes: Vec<_> = notes.map(|note| note.is_some_and(|note| note.contains("label only"))).collect();
    assert_eq!(notes, [false, true], "what cannot be read is said: {added}");
    let found = text(&world.yes("alice", &["search", "gingivitis"]));
    assert!(found.contains("visit.pdf"), "{found}");
    assert!(text(&world.yes("alice", &["search", "bomb"])).contains("bomb.pdf"));
}
