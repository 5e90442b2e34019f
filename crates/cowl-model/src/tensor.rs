//! Numbers with a shape.

use crate::shape::{Shape, ShapeError};

/// A dense tensor in row-major order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tensor<N> {
    shape: Shape,
    data: Vec<N>,
}

impl<N> Tensor<N> {
    /// Checks that the data fill the shape.
    ///
    /// # Errors
    /// [`ShapeError::Count`].
    pub fn new(shape: Shape, data: Vec<N>) -> Result<Self, ShapeError> {
        if shape.count() == data.len() {
            Ok(Self { shape, data })
        } else {
            Err(ShapeError::Count { found: data.len(), shape })
        }
    }

    /// One number.
    pub fn scalar(value: N) -> Self {
        Self { shape: Shape::scalar(), data: vec![value] }
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// [`ShapeError::TooLarge`].
    pub fn list(data: Vec<N>) -> Result<Self, ShapeError> {
        Ok(Self { shape: Shape::new([data.len()])?, data })
    }

    /// Its sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its numbers, row-major.
    pub fn data(&self) -> &[N] {
        &self.data
    }

    /// Its numbers, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [N] {
        &mut self.data
    }

    /// Its numbers alone.
    pub fn into_data(self) -> Vec<N> {
        self.data
    }

    /// Each number for itself.
    pub fn map<M>(&self, each: impl FnMut(&N) -> M) -> Tensor<M> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(each).collect() }
    }

    /// The same numbers in other sizes.
    ///
    /// # Errors
    /// [`ShapeError::Count`].
    pub fn reshaped(self, shape: Shape) -> Result<Self, ShapeError> {
        Self::new(shape, self.data)
    }
}

impl<N: Clone> Tensor<N> {
    /// One number everywhere.
    pub fn filled(shape: Shape, value: N) -> Self {
        let data = vec![value; shape.count()];
        Self { shape, data }
    }
}
