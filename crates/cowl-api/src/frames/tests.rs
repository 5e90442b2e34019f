use bytes::Bytes;

use super::*;

fn header(length: u32) -> FrameHeader {
    FrameHeader { name: PartName::from_bytes([7; 16]), hash: Digest::of(b"abc"), length }
}

fn pieces(body: &[u8], step: usize) -> Result<Vec<Piece>, FrameError> {
    let mut decoder = FrameDecoder::new();
    let mut found = Vec::new();
    for chunk in body.chunks(step) {
        let mut chunk = Bytes::copy_from_slice(chunk);
        while let Some(piece) = decoder.next(&mut chunk)? {
            found.push(piece);
        }
    }
    decoder.finish().map(|()| found)
}

#[test]
fn a_header_is_read_back() {
    for length in [1, 255, MAX_PART] {
        assert_eq!(FrameHeader::from_bytes(&header(length).to_bytes()), Ok(header(length)));
    }
}

#[test]
fn empty_and_oversized_parts_are_refused() {
    for length in [0, MAX_PART + 1, u32::MAX] {
        let name = header(1).name;
        assert_eq!(
            FrameHeader::from_bytes(&header(length).to_bytes()),
            Err(FrameError::Length { name, length })
        );
    }
}

#[test]
fn frames_are_found_however_the_stream_is_cut() {
    let body = [header(3).to_bytes().as_slice(), b"abc", &header(3).to_bytes(), b"abc"].concat();
    for step in 1..=body.len() {
        let found = pieces(&body, step).unwrap();
        let headers = found.iter().filter(|piece| matches!(piece, Piece::Header(_))).count();
        let bytes: Vec<u8> = found
            .iter()
            .filter_map(|piece| match piece {
                Piece::Bytes(bytes) => Some(bytes.to_vec()),
                Piece::Header(_) => None,
            })
            .flatten()
            .collect();
        assert_eq!((headers, bytes.as_slice()), (2, b"abcabc".as_slice()), "in steps of {step}");
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_refused() {
    let body = [header(3).to_bytes().as_slice(), b"abc"].concat();
    for length in 1..body.len() {
        assert_eq!(pieces(&body[..length], 10), Err(FrameError::Truncated), "after {length} bytes");
    }
    assert_eq!(pieces(b"", 1), Ok(Vec::new()));
}

#[test]
fn a_part_is_checked_against_its_header() {
    assert_eq!(header(3).check(b"abc"), Ok(()));
    assert_eq!(header(3).check(b"abd"), Err(FrameError::Hash(header(3).name)));
    assert_eq!(header(3).check(b"ab"), Err(FrameError::Truncated));
}
