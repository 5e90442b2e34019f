//! Character sets (PS3.3 C.12.1.1.2): single ones and, with escape sequences, several in one text.

use encoding_rs::{
    EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_15, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
};

const ESCAPE: u8 = 0x1b;

/// The encoding of texts that begin without an escape sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct CharacterSet {
    initial: Option<&'static Encoding>,
}

impl CharacterSet {
    /// From the value of Specific Character Set; the first of several is the initial one.
    pub(super) fn from_codes(value: &[u8]) -> Self {
        let first = value.split(|&byte| byte == b'\\').next().unwrap_or_default();
        Self { initial: encoding_of(first.trim_ascii()) }
    }

    /// Decodes a text; what cannot be decoded becomes U+FFFD.
    pub(super) fn decode(self, text: &[u8]) -> String {
        let mut segments = text.split(|&byte| byte == ESCAPE);
        let mut out = self.decode_plain(segments.next().unwrap_or_default());
        for segment in segments {
            decode_escaped(segment, &mut out);
        }
        out
    }

    /// Texts without a declared character set are ASCII by the standard, and UTF-8 or Latin-1 in practice.
    fn decode_plain(self, text: &[u8]) -> String {
        match self.initial {
            Some(encoding) => encoding.decode_without_bom_handling(text).0.into_owned(),
            None => match std::str::from_utf8(text) {
                Ok(text) => text.to_owned(),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(text).0.into_owned(),
            },
        }
    }
}

/// Defined terms for single-byte and multi-byte sets, with and without code extensions.
fn encoding_of(code: &[u8]) -> Option<&'static Encoding> {
    let number = code.strip_prefix(b"ISO_IR ").or_else(|| code.strip_prefix(b"ISO 2022 IR ")).unwrap_or(code);
    Some(match number {
        b"100" => WINDOWS_1252,
        b"101" => ISO_8859_2,
        b"109" => ISO_8859_3,
        b"110" => ISO_8859_4,
        b"144" => ISO_8859_5,
        b"127" => ISO_8859_6,
        b"126" => ISO_8859_7,
        b"138" => ISO_8859_8,
        b"148" => WINDOWS_1254,
        b"203" => ISO_8859_15,
        b"166" => WINDOWS_874,
        b"13" => SHIFT_JIS,
        b"87" | b"159" => ISO_2022_JP,
        b"149" => EUC_KR,
        b"58" | b"GBK" | b"GB2312" => GBK,
        b"192" => UTF_8,
        b"GB18030" => GB18030,
        _ => return None,
    })
}

/// Appends what follows an escape character: the rest of the sequence, then text.
fn decode_escaped(segment: &[u8], out: &mut String) {
    let (encoding, text) = match segment {
        [b'$', b'B' | b'@', ..] => return decode_japanese(segment, out),
        [b'$', b'(', b'D', text @ ..] => {
            return out.extend(text.chunks(2).map(|_| char::REPLACEMENT_CHARACTER));
        }
        [b'$', b')', b'C', text @ ..] => (EUC_KR, text),
        [b'$', b')', b'A', text @ ..] => (GBK, text),
        [b'(', b'B' | b'J', text @ ..] | [b')', b'I', text @ ..] => (SHIFT_JIS, text),
        [b'-', set, text @ ..] => (latin(*set), text),
        [_, _, text @ ..] => (WINDOWS_1252, text),
        _ => return,
    };
    out.push_str(&encoding.decode_without_bom_handling(text).0);
}

/// JIS X 0208, whose escape sequence the decoder wants to see.
fn decode_japanese(segment: &[u8], out: &mut String) {
    let with_escape = [&[ESCAPE], segment].concat();
    out.push_str(&ISO_2022_JP.decode_without_bom_handling(&with_escape).0);
}

/// Right-hand sets that escape sequences of a hyphen and a letter select.
fn latin(letter: u8) -> &'static Encoding {
    match letter {
        b'B' => ISO_8859_2,
        b'C' => ISO_8859_3,
        b'D' => ISO_8859_4,
        b'F' => ISO_8859_7,
        b'G' => ISO_8859_6,
        b'H' => ISO_8859_8,
        b'L' => ISO_8859_5,
        b'M' => WINDOWS_1254,
        b'T' => WINDOWS_874,
        _ => WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_extensions_switch_within_a_text() {
        // PS3.5 H.3.1 and I.2, the ideographic and hangul parts of their example names.
        let japanese =
            CharacterSet::from_codes(b"\\ISO 2022 IR 87").decode(b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B");
        assert_eq!(japanese, "山田^太郎");
        let korean =
            CharacterSet::from_codes(b"\\ISO 2022 IR 149").decode(b"\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf");
        assert_eq!(korean, "김희중");
    }

    #[test]
    fn single_sets_and_undeclared_texts_decode() {
        assert_eq!(CharacterSet::from_codes(b"ISO_IR 126 ").decode(b"\xc4\xe9\xef"), "Διο");
        assert_eq!(CharacterSet::from_codes(b"ISO_IR 192").decode("Schädel".as_bytes()), "Schädel");
        assert_eq!(CharacterSet::from_codes(b"").decode(b"Sch\xe4del"), "Schädel");
        assert_eq!(CharacterSet::from_codes(b"GB18030").decode(b"\xcd\xf5"), "王");
    }
}
