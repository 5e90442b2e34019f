//! What each operation costs on one core, a line of JSON a row: `{id, what, unit, ours, fastest}`.
//!
//!     cargo run --release -p cowl-paillier-secret --example paillier_bench [-- 2048 3072 4096]
//!
//! The figure is the median of the processor time that a batch takes, divided by the batch. Keys are those of vectors/paillier.
#![allow(clippy::print_stdout, missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;

use cowl_paillier::{
    Ciphertexts, Encryptor, ExponentLength, GroupedSums, Kernel, Plaintext, Timing, VariableTime,
    encrypt_textbook,
};
use cowl_paillier_secret::{OwnerEncryptor, SecretKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rustix::time::{ClockId, clock_gettime};

/// Ciphertexts in a batch, and batches whose median counts.
const BATCH: usize = 256;
const ROUNDS: usize = 9;

fn main() {
    let mut sizes: Vec<u32> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![2048, 3072];
    }
    let mut kernels = vec![Kernel::best(), Kernel::portable()];
    kernels.dedup();
    for size in sizes {
        for &kernel in &kernels {
            let bench = Bench::new(size, kernel);
            bench.encryption();
            bench.decryption();
            bench.arithmetic();
        }
    }
}

struct Bench {
    size: u32,
    kernel: Kernel,
    key: Arc<SecretKey>,
    plaintexts: Vec<Plaintext>,
    ciphertexts: Ciphertexts,
}

fn timings() -> [(&'static str, Timing); 2] {
    let variable = Timing::Variable(VariableTime::on_a_machine_of_the_owner_alone());
    [("constant", Timing::Constant), ("variable", variable)]
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Time of this thread on a processor, so that other programs count less.
fn processor_seconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

impl Bench {
    fn new(size: u32, kernel: Kernel) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/paillier");
        let bytes = std::fs::read(path.join(format!("secret-{size}.cbor"))).expect("a vector of this size");
        let key = Arc::new(SecretKey::from_bytes_with_kernel(&bytes, kernel).expect("the vector is a key"));
        let plaintexts: Vec<_> = (0..BATCH as u64).map(Plaintext::from_u64).collect();
        let encryptor = Encryptor::new(key.public().clone(), ExponentLength::Short, Timing::Constant);
        let ciphertexts = encryptor.encrypt(&plaintexts, &mut rng()).expect("small numbers are in range");
        Self { size, kernel, key, plaintexts, ciphertexts }
    }

    fn row<T>(&self, what: &str, count: usize, mut work: impl FnMut() -> T) {
        let mut micros: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = processor_seconds();
                std::hint::black_box(work());
                (processor_seconds() - start) * 1e6 / count as f64
            })
            .collect();
        micros.sort_by(f64::total_cmp);
        let (size, kernel, ours, best) = (self.size, self.kernel.name(), micros[ROUNDS / 2], micros[0]);
        println!(
            r#"{{"id":"{what}/{size}/{kernel}","what":"{what}, {size} bits, {kernel}","unit":"µs","ours":{ours:.3},"fastest":{best:.3}}}"#
        );
    }

    fn encryption(&self) {
        let lengths = [("short", ExponentLength::Short), ("half", ExponentLength::HalfOfModulus)];
        for (time, timing) in timings() {
            for (name, length) in lengths {
                let encryptor = Encryptor::new(self.key.public().clone(), length, timing);
                self.row(&format!("encrypt, public, {name} exponent, {time}"), BATCH, || {
                    encryptor.encrypt(&self.plaintexts, &mut rng())
                });
            }
            let owner = OwnerEncryptor::new(self.key.clone(), timing);
            self.row(&format!("encrypt, owner, {time}"), BATCH, || {
                owner.encrypt(&self.plaintexts, &mut rng())
            });
        }
        self.row("encrypt, textbook", 16, || {
            encrypt_textbook(self.key.public(), &self.plaintexts[..16], &mut rng())
        });
        self.row("build the table, public, half exponent, constant", 1, || {
            Encryptor::new(self.key.public().clone(), ExponentLength::HalfOfModulus, Timing::Constant)
        });
        self.row("build the tables, owner, constant", 1, || {
            OwnerEncryptor::new(self.key.clone(), Timing::Constant)
        });
    }

    fn decryption(&self) {
        for (time, timing) in timings() {
            self.row(&format!("decrypt, {time}"), BATCH, || self.key.decrypt(&self.ciphertexts, timing));
        }
    }

    fn arithmetic(&self) {
        let key = self.key.public();
        let mut sum = self.ciphertexts.clone();
        self.row("add", BATCH, || sum.add_assign(key, &self.ciphertexts));
        self.row("subtract", BATCH, || self.ciphertexts.subtract(key, &self.ciphertexts));
        let scalars: Vec<i64> = (0..BATCH as i64).map(|index| (1 << 31) + 7 * index).collect();
        self.row("multiply by 32 bits", BATCH, || self.ciphertexts.multiply(key, &scalars));
        self.row("scalar product, 32 bits, a term", BATCH, || self.ciphertexts.scalar_product(key, &scalars));
        let rows = self.ciphertexts.to_rows(key).expect("its own key");
        self.row("sum stored rows in 4 groups", BATCH, || {
            let mut sums = GroupedSums::new(key, 4);
            for (index, row) in rows.chunks_exact(key.ciphertext_bytes()).enumerate() {
                sums.add_row(row, index % 4).expect("rows of this key");
            }
            sums
        });
        self.row("read rows with all checks", BATCH, || Ciphertexts::from_rows(key, &rows));
        self.row("write rows", BATCH, || self.ciphertexts.to_rows(key));
    }
}
