//! Contents of tensors: floats of any width become `f32`, whole numbers `i64`.

use std::borrow::Cow;

use super::OnnxError;
use super::external::ExternalFiles;
use super::messages::{TensorProto, data_type};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A constant of a model.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant {
    /// Of type float, float16, bfloat16 or double.
    Floats(Tensor<f32>),
    /// Of an integer type.
    Wholes(Tensor<i64>),
    /// Truth values.
    Booleans(Tensor<bool>),
}

impl Constant {
    /// Reads a tensor, from its external file if it has one.
    ///
    /// # Errors
    /// [`OnnxError::Tensor`], [`OnnxError::External`].
    pub fn read(proto: &TensorProto, files: &dyn ExternalFiles) -> Result<Self, OnnxError> {
        let name = proto.name.clone().unwrap_or_default();
        let failed = |why: String| OnnxError::Tensor { name: name.clone(), why };
        if proto.segment.is_some() {
            return Err(failed("tensors in segments are not supported".into()));
        }
        let sizes: Result<Vec<usize>, _> = proto.dims.iter().map(|&size| usize::try_from(size)).collect();
        let shape = Shape::new(sizes.map_err(|_| failed("a negative size".into()))?)
            .map_err(|error| failed(error.to_string()))?;
        let kind = proto.data_type.unwrap_or_default();
        let width = width(kind)
            .ok_or_else(|| failed(format!("{} numbers are not supported", data_type::name(kind))))?;
        let raw = raw_bytes(proto, &name, shape.count() * width, files)?;
        let constant = match raw {
            Some(bytes) if bytes.len() != shape.count() * width => {
                let why =
                    format!("{} bytes do not fill {shape} of type {}", bytes.len(), data_type::name(kind));
                return Err(failed(why));
            }
            Some(bytes) => of_bytes(kind, shape, &bytes),
            None => of_fields(kind, shape, proto),
        };
        constant.map_err(|error| failed(error.to_string()))
    }

    /// Its sizes.
    pub fn shape(&self) -> &Shape {
        match self {
            Self::Floats(tensor) => tensor.shape(),
            Self::Wholes(tensor) => tensor.shape(),
            Self::Booleans(tensor) => tensor.shape(),
        }
    }
}

/// Whether numbers of a type become `f32`.
pub(crate) fn is_float(kind: i32) -> bool {
    matches!(kind, data_type::FLOAT | data_type::FLOAT16 | data_type::BFLOAT16 | data_type::DOUBLE)
}

/// Bytes of one number.
fn width(kind: i32) -> Option<usize> {
    Some(match kind {
        data_type::BOOL | data_type::INT8 | data_type::UINT8 => 1,
        data_type::INT16 | data_type::UINT16 | data_type::FLOAT16 | data_type::BFLOAT16 => 2,
        data_type::FLOAT | data_type::INT32 | data_type::UINT32 => 4,
        data_type::DOUBLE | data_type::INT64 | data_type::UINT64 => 8,
        _ => return None,
    })
}

fn raw_bytes<'a>(
    proto: &'a TensorProto,
    name: &str,
    wanted: usize,
    files: &dyn ExternalFiles,
) -> Result<Option<Cow<'a, [u8]>>, OnnxError> {
    const EXTERNAL: i32 = 1;
    if proto.data_location != Some(EXTERNAL) {
        return Ok(proto.raw_data.as_deref().map(Cow::Borrowed));
    }
    let entry = |key: &str| proto.external_data.iter().find(|entry| entry.key.as_deref() == Some(key));
    let text = |key: &str| entry(key).and_then(|entry| entry.value.clone());
    let file = text("location").unwrap_or_default();
    let failed = |why: String| OnnxError::External { name: name.into(), file: file.clone(), why };
    let number = |key: &str| {
        let parse = |text: String| text.parse::<u64>().map_err(|_| failed(format!("its {key} is no number")));
        text(key).map(parse).transpose()
    };
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    let bytes = files.read(&file, offset, length, wanted as u64).map_err(&failed)?;
    Ok(Some(Cow::Owned(bytes)))
}

fn of_bytes(kind: i32, shape: Shape, bytes: &[u8]) -> Result<Constant, crate::shape::ShapeError> {
    fn numbers<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
    }
    Ok(match kind {
        data_type::FLOAT => Constant::Floats(Tensor::new(shape, numbers(bytes, f32::from_le_bytes))?),
        data_type::DOUBLE => {
            Constant::Floats(Tensor::new(shape, numbers(bytes, |bytes| f64::from_le_bytes(bytes) as f32))?)
        }
        data_type::FLOAT16 => {
            Constant::Floats(Tensor::new(shape, numbers(bytes, |bytes| half(u16::from_le_bytes(bytes))))?)
        }
        data_type::BFLOAT16 => {
            Constant::Floats(Tensor::new(shape, numbers(bytes, |bytes| brain(u16::from_le_bytes(bytes))))?)
        }
        data_type::BOOL => {
            Constant::Booleans(Tensor::new(shape, bytes.iter().map(|&byte| byte != 0).collect())?)
        }
        _ => Constant::Wholes(Tensor::new(shape, wholes(kind, bytes))?),
    })
}

fn wholes(kind: i32, bytes: &[u8]) -> Vec<i64> {
    fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> i64) -> Vec<i64> {
        bytes.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
    }
    match kind {
        data_type::INT8 => each(bytes, |bytes| i8::from_le_bytes(bytes).into()),
        data_type::UINT8 => each(bytes, |bytes| u8::from_le_bytes(bytes).into()),
        data_type::INT16 => each(bytes, |bytes| i16::from_le_bytes(bytes).into()),
        data_type::UINT16 => each(bytes, |bytes| u16::from_le_bytes(bytes).into()),
        data_type::INT32 => each(bytes, |bytes| i32::from_le_bytes(bytes).into()),
        data_type::UINT32 => each(bytes, |bytes| u32::from_le_bytes(bytes).into()),
        // Sizes and indices beyond 63 bits are refused where they are used.
        data_type::UINT64 => {
            each(bytes, |bytes| i64::try_from(u64::from_le_bytes(bytes)).unwrap_or(i64::MAX))
        }
        _ => each(bytes, i64::from_le_bytes),
    }
}

fn of_fields(kind: i32, shape: Shape, proto: &TensorProto) -> Result<Constant, crate::shape::ShapeError> {
    let small = || proto.int32_data.iter();
    Ok(match kind {
        data_type::FLOAT => Constant::Floats(Tensor::new(shape, proto.float_data.clone())?),
        data_type::DOUBLE => Constant::Floats(Tensor::new(
            shape,
            proto.double_data.iter().map(|&value| value as f32).collect(),
        )?),
        data_type::FLOAT16 => {
            Constant::Floats(Tensor::new(shape, small().map(|&bits| half(bits as u16)).collect())?)
        }
        data_type::BFLOAT16 => {
            Constant::Floats(Tensor::new(shape, small().map(|&bits| brain(bits as u16)).collect())?)
        }
        data_type::BOOL => {
            Constant::Booleans(Tensor::new(shape, small().map(|&value| value != 0).collect())?)
        }
        data_type::INT64 => Constant::Wholes(Tensor::new(shape, proto.int64_data.clone())?),
        data_type::UINT32 | data_type::UINT64 => {
            let whole = |&value: &u64| i64::try_from(value).unwrap_or(i64::MAX);
            Constant::Wholes(Tensor::new(shape, proto.uint64_data.iter().map(whole).collect())?)
        }
        _ => Constant::Wholes(Tensor::new(shape, small().map(|&value| value.into()).collect())?),
    })
}

/// IEEE 754 half precision, exactly.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        0 => {
            let magnitude = fraction as f32 / (1 << 24) as f32;
            f32::from_bits(sign | magnitude.to_bits())
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::NoFiles;

    #[test]
    fn half_precision_is_widened_exactly() {
        let pairs = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
        ];
        for (bits, value) in pairs {
            assert_eq!(half(bits), value);
        }
        assert_eq!(half(0x7c00), f32::INFINITY);
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    #[test]
    fn bytes_that_do_not_fill_the_sizes_are_refused() {
        let proto = TensorProto {
            dims: vec![2, 2],
            data_type: Some(data_type::FLOAT),
            raw_data: Some(vec![0; 12]),
            name: Some("w".into()),
            ..TensorProto::default()
        };
        let error = Constant::read(&proto, &NoFiles).unwrap_err().to_string();
        assert_eq!(error, "tensor 'w': 12 bytes do not fill 2×2 of type float");
    }

    #[test]
    fn sizes_that_no_machine_has_are_refused_before_anything_is_allocated() {
        let proto =
            TensorProto { dims: vec![1 << 40, 1 << 40], data_type: Some(1), ..TensorProto::default() };
        assert!(Constant::read(&proto, &NoFiles).is_err());
        let negative = TensorProto { dims: vec![-1], data_type: Some(1), ..TensorProto::default() };
        assert!(Constant::read(&negative, &NoFiles).is_err());
    }

    #[test]
    fn texts_and_complex_numbers_are_refused_by_name() {
        let proto = TensorProto { data_type: Some(14), name: Some("z".into()), ..TensorProto::default() };
        let error = Constant::read(&proto, &NoFiles).unwrap_err().to_string();
        assert_eq!(error, "tensor 'z': complex64 numbers are not supported");
    }
}
