//! From voxels to millimetres and back.

/// An affine map from voxels (numbers along each axis, from 0, the middle of a voxel) to millimetres; it can be undone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    rows: [[f64; 4]; 3],
    inverse: [[f64; 4]; 3],
}

impl Placement {
    /// From the first three rows of the matrix; `None` if it holds what is no number or cannot be undone.
    pub fn from_rows(rows: [[f64; 4]; 3]) -> Option<Self> {
        let finite = rows.iter().flatten().all(|value| value.is_finite() && value.abs() < 1e9);
        let inverse = inverted(&rows).filter(|_| finite)?;
        Some(Self { rows, inverse })
    }

    /// Along the axes of the body with these spacings.
    pub fn along_axes(spacing: [f64; 3]) -> Option<Self> {
        let mut rows = [[0.0; 4]; 3];
        (0..3).for_each(|axis| rows[axis][axis] = spacing[axis]);
        Self::from_rows(rows)
    }

    /// The first three rows of the matrix.
    pub fn rows(&self) -> &[[f64; 4]; 3] {
        &self.rows
    }

    /// Where a voxel lies.
    pub fn to_space(&self, voxel: [f64; 3]) -> [f64; 3] {
        apply(&self.rows, voxel)
    }

    /// Which voxel lies there.
    pub fn to_voxel(&self, place: [f64; 3]) -> [f64; 3] {
        apply(&self.inverse, place)
    }

    /// Millimetres from one voxel to the next along each axis.
    pub fn spacing(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.rows.iter().map(|row| row[axis] * row[axis]).sum::<f64>().sqrt())
    }

    /// Voxel of one grid to voxel of the grid that `other` places, in one step.
    pub(crate) fn into_voxels_of(self, other: &Self) -> [[f64; 4]; 3] {
        let mut rows = [[0.0; 4]; 3];
        for (row, inverse) in rows.iter_mut().zip(&other.inverse) {
            for (column, value) in row.iter_mut().enumerate() {
                *value = (0..3).map(|middle| inverse[middle] * self.rows[middle][column]).sum();
            }
            row[3] += inverse[3];
        }
        rows
    }
}

pub(crate) fn apply(rows: &[[f64; 4]; 3], [x, y, z]: [f64; 3]) -> [f64; 3] {
    rows.map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
}

fn inverted(rows: &[[f64; 4]; 3]) -> Option<[[f64; 4]; 3]> {
    let at = |row: usize, column: usize| rows[row % 3][column % 3];
    let minor = |row: usize, column: usize| {
        at(row + 1, column + 1) * at(row + 2, column + 2) - at(row + 1, column + 2) * at(row + 2, column + 1)
    };
    let determinant: f64 = (0..3).map(|column| at(0, column) * minor(0, column)).sum();
    if !determinant.is_finite() || determinant.abs() < 1e-9 {
        return None;
    }
    let mut inverse = [[0.0; 4]; 3];
    for (row, values) in inverse.iter_mut().enumerate() {
        (0..3).for_each(|column| values[column] = minor(column, row) / determinant);
        values[3] = -(0..3).map(|column| values[column] * rows[column][3]).sum::<f64>();
    }
    Some(inverse)
}
