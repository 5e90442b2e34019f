//! Least squares without encryption, in the floating-point numbers that everybody uses: the reference.

/// Rows of cells: the target first, then the predictors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cells {
    pub(super) rows: Vec<Vec<f64>>,
}

impl Cells {
    /// The coefficients of the target on the predictors, the intercept first: by Householder's reflections (Golub and
    /// Van Loan, "Matrix Computations", section 5.3). `None` where they are not determined.
    pub(super) fn least_squares(&self) -> Option<Vec<f64>> {
        let width = self.rows.first()?.len();
        // Columns: 1, the predictors, the target.
        let mut matrix: Vec<Vec<f64>> = (0..=width)
            .map(|column| {
                let cell = |row: &Vec<f64>| match column {
                    0 => 1.0,
                    column if column == width => row[0],
                    column => row[column],
                };
                self.rows.iter().map(cell).collect()
            })
            .collect();
        for pivot in 0..width {
            reflect(&mut matrix, pivot)?;
        }
        let mut solution = vec![0.0; width];
        for place in (0..width).rev() {
            let known: f64 = (place + 1..width).map(|column| matrix[column][place] * solution[column]).sum();
            solution[place] = (matrix[width][place] - known) / matrix[place][place];
        }
        Some(solution)
    }

    /// How far predictions are from the targets: the root of the mean square, and R².
    pub(super) fn error(&self, coefficients: &[f64]) -> Error {
        let targets = || self.rows.iter().map(|row| row[0]);
        let count = self.rows.len() as f64;
        let mean = targets().sum::<f64>() / count;
        let residual: f64 =
            self.rows.iter().map(|row| (row[0] - predicted(coefficients, &row[1..])).powi(2)).sum();
        let total: f64 = targets().map(|target| (target - mean).powi(2)).sum();
        Error { root_mean_square: (residual / count).sqrt(), r_squared: 1.0 - residual / total }
    }
}

/// How well a model predicts rows that it has not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Error {
    pub(super) root_mean_square: f64,
    pub(super) r_squared: f64,
}

fn predicted(coefficients: &[f64], values: &[f64]) -> f64 {
    coefficients[0] + coefficients[1..].iter().zip(values).map(|(slope, value)| slope * value).sum::<f64>()
}

/// Makes the column zero below its pivot, in all columns from it on.
fn reflect(matrix: &mut [Vec<f64>], pivot: usize) -> Option<()> {
    let mut vector = matrix[pivot].get(pivot..)?.to_vec();
    let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    let first = vector.first_mut()?;
    *first += norm.copysign(*first);
    let length: f64 = vector.iter().map(|value| value * value).sum();
    (length > 0.0).then_some(())?;
    for column in &mut matrix[pivot..] {
        let along: f64 = vector.iter().zip(&column[pivot..]).map(|(one, other)| one * other).sum();
        let factor = 2.0 * along / length;
        column[pivot..].iter_mut().zip(&vector).for_each(|(value, part)| *value -= factor * part);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let rows = (0..20)
            .map(|at| vec![3.0 + 2.0 * f64::from(at) - f64::from(at % 3), f64::from(at), f64::from(at % 3)]);
        let cells = Cells { rows: rows.collect() };
        let found = cells.least_squares().unwrap();
        for (found, expected) in found.iter().zip([3.0, 2.0, -1.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        assert!((cells.error(&found).r_squared - 1.0).abs() < 1e-12);
        assert!(cells.error(&found).root_mean_square < 1e-12);
    }

    #[test]
    fn no_rows_have_no_line() {
        assert_eq!(Cells::default().least_squares(), None);
    }
}
