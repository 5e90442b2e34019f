//! ONNX models: a protobuf message `ModelProto`, which has no magic number.

/// Whether the bytes can be a `ModelProto` (onnx.proto3). Writers put fields in ascending order, so that it
/// begins with `ir_version`; without the usual extension a producer's name must follow.
pub(super) fn is_model(extension: &str, head: &[u8]) -> bool {
    let Some(rest) = after_ir_version(head) else { return false };
    let named = extension == "onnx";
    match rest {
        [PRODUCER_NAME, length, name @ ..] => {
            let length = usize::from(*length);
            let name = name.get(..length).unwrap_or_default();
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') || named
        }
        [GRAPH | OPERATOR_SETS | PRODUCER_VERSION | DOMAIN, ..] => named,
        _ => false,
    }
}

// Field number << 3 | wire type 2 (bytes).
const PRODUCER_NAME: u8 = 2 << 3 | 2;
const PRODUCER_VERSION: u8 = 3 << 3 | 2;
const DOMAIN: u8 = 4 << 3 | 2;
const GRAPH: u8 = 7 << 3 | 2;
const OPERATOR_SETS: u8 = 8 << 3 | 2;

/// What follows field 1, `ir_version`, a small number.
fn after_ir_version(head: &[u8]) -> Option<&[u8]> {
    match head {
        [0x08, 1..=0x3f, rest @ ..] => Some(rest),
        _ => None,
    }
}
