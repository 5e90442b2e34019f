//! What each operation costs on one core, a line of JSON a row, as `cargo xtask bench paillier` reads it.
//!
//!     cargo run --release -p cowl-paillier-secret --example paillier_bench [-- 2048 3072 4096]
//!
//! The figure is the median of the processor time that a batch takes, divided by the batch. Keys are those of
//! vectors/paillier. A row's name is `paillier.OPERATION.BITS`, then `constant` or `variable` where the time may tell
//! about secrets, then `portable` where the kernel is the one that every processor can run.
#![allow(clippy::print_stdout, missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;

use cowl_paillier::{
    Ciphertexts, Encryptor, ExponentLength, GroupedSums, Kernel, Packing, Plaintext, Timing, VariableTime,
    encrypt_textbook,
};
use cowl_paillier_secret::{OwnerEncryptor, SecretKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rustix::time::{ClockId, clock_gettime};

/// Ciphertexts in a batch, and batches whose median counts.
const BATCH: usize = 256;
const ROUNDS: usize = 9;
/// Bits of a value and above it in a slot of 64.
const SLOT: (u32, u32) = (44, 20);

fn main() {
    let mut sizes: Vec<u32> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![2048, 3072, 4096];
    }
    for size in sizes {
        let bench = Bench::new(size, Kernel::best());
        bench.encryption();
        bench.decryption();
        bench.arithmetic();
        if Kernel::best() != Kernel::portable() {
            Bench::new(size, Kernel::portable()).briefly();
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

/// Names as in rows, and what they stand for.
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

/// The goal in µs of an operation on keys of 2,048 and of 3,072 bits.
fn goal(operation: &str, timing: &str, size: u32) -> Option<f64> {
    let [small, large] = match (operation, timing) {
        ("encrypt-public", "constant") => [Some(40.0), Some(95.0)],
        ("encrypt-public", "variable") => [Some(20.0), Some(50.0)],
        ("encrypt-owner", "constant") => [Some(55.0), Some(160.0)],
        ("encrypt-owner", "variable") => [Some(28.0), Some(100.0)],
        ("encrypt-slot", "constant") => [Some(1.3), None],
        ("encrypt-slot", "variable") => [Some(0.7), None],
        ("decrypt", "constant") => [Some(290.0), Some(900.0)],
        ("decrypt", "variable") => [Some(240.0), Some(800.0)],
        ("add", _) => [Some(0.45), Some(0.95)],
        ("scalar", _) => [Some(22.0), None],
        _ => [None, None],
    };
    match size {
        2048 => small,
        3072 => large,
        _ => None,
    }
}

/// An operation's name in its row, whether its time may tell about secrets, and what it is.
struct Operation<'a> {
    name: &'a str,
    /// Empty where there is no secret.
    timing: &'a str,
    what: &'a str,
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

    /// Measures `count` pieces of work at a time and prints the row.
    fn row<T>(&self, operation: &Operation<'_>, count: usize, mut work: impl FnMut() -> T) {
        let mut micros: Vec<f64> = (0..=ROUNDS)
            .map(|_| {
                let start = processor_seconds();
                std::hint::black_box(work());
                (processor_seconds() - start) * 1e6 / count as f64
            })
            .collect();
        // The first round warms up.
        micros.remove(0);
        micros.sort_by(f64::total_cmp);
        self.print(operation, micros[ROUNDS / 2]);
    }

    fn print(&self, operation: &Operation<'_>, ours: f64) {
        let (Operation { name, timing, what }, size, kernel) = (operation, self.size, self.kernel.name());
        let is_best = self.kernel == Kernel::best();
        let mut id = format!("paillier.{name}.{size}");
        if !timing.is_empty() {
            id = format!("{id}.{timing}");
        }
        if !is_best {
            id = format!("{id}.{kernel}");
        }
        let in_time = if timing.is_empty() { String::new() } else { format!(" in {timing} time") };
        let goal = if is_best { goal(name, timing, size) } else { None };
        let met = goal.is_none_or(|goal| ours <= goal);
        let goal = goal.map_or("null".to_owned(), |goal| goal.to_string());
        println!(
            r#"{{"id":"{id}","what":"{what}{in_time}, {size} bits, {kernel}","unit":"µs","ours":{ours:.4},"reference":null,"by":null,"ratio":null,"goal":{goal},"goal_of":"ours","met":{met}}}"#
        );
    }

    fn encryptor(&self, length: ExponentLength, timing: Timing) -> Encryptor {
        Encryptor::new(self.key.public().clone(), length, timing)
    }

    fn encryption(&self) {
        for (time, timing) in timings() {
            let operation = |name, what| Operation { name, timing: time, what };
            let short = self.encryptor(ExponentLength::Short, timing);
            let public = operation("encrypt-public", "encrypt by the public key, short exponent");
            self.row(&public, BATCH, || short.encrypt(&self.plaintexts, &mut rng()));
            self.slots(time, &short);
            let half = self.encryptor(ExponentLength::HalfOfModulus, timing);
            let public = operation("encrypt-public-half", "encrypt by the public key, exponent of n/2 bits");
            self.row(&public, BATCH, || half.encrypt(&self.plaintexts, &mut rng()));
            let owner = OwnerEncryptor::new(self.key.clone(), timing);
            let exact = operation("encrypt-owner", "encrypt by the owner, the textbook's distribution");
            self.row(&exact, BATCH, || owner.encrypt(&self.plaintexts, &mut rng()));
        }
        let textbook =
            Operation { name: "encrypt-textbook", timing: "", what: "encrypt as the textbook does" };
        self.row(&textbook, 16, || encrypt_textbook(self.key.public(), &self.plaintexts[..16], &mut rng()));
        self.tables();
    }

    /// Values packed and encrypted, as many to a ciphertext as there are slots.
    fn slots(&self, timing: &str, encryptor: &Encryptor) {
        let key = self.key.public();
        let packing = Packing::new(key.size(), SLOT.0, SLOT.1).expect("a slot of 64 bits");
        let values: Vec<i64> =
            (0..(BATCH * packing.slots()) as i64).map(|at| at * 7919 - (1 << 20)).collect();
        let operation =
            Operation { name: "encrypt-slot", timing, what: "pack and encrypt a value in a 64-bit slot" };
        self.row(&operation, values.len(), || {
            let plaintexts = packing.pack_all(key, &values).expect("the values fit");
            encryptor.encrypt(&plaintexts, &mut rng())
        });
    }

    fn tables(&self) {
        let operation = |name, what| Operation { name, timing: "constant", what };
        let public = operation("table-public-half", "build the table of a public key, exponent of n/2 bits");
        self.row(&public, 1, || self.encryptor(ExponentLength::HalfOfModulus, Timing::Constant));
        let owner = operation("table-owner", "build the tables of the owner");
        self.row(&owner, 1, || OwnerEncryptor::new(self.key.clone(), Timing::Constant));
    }

    fn decryption(&self) {
        for (time, timing) in timings() {
            let operation = Operation { name: "decrypt", timing: time, what: "decrypt" };
            self.row(&operation, BATCH, || self.key.decrypt(&self.ciphertexts, timing));
        }
    }

    fn arithmetic(&self) {
        let key = self.key.public();
        let operation = |name, what| Operation { name, timing: "", what };
        self.add();
        self.row(&operation("subtract", "subtract"), BATCH, || {
            self.ciphertexts.subtract(key, &self.ciphertexts)
        });
        self.scalar();
        let scalars = scalars();
        let terms = operation("scalar-product", "scalar product with open numbers of 32 bits, a term");
        self.row(&terms, BATCH, || self.ciphertexts.scalar_product(key, &scalars));
        let rows = self.ciphertexts.to_rows(key).expect("its own key");
        self.row(&operation("grouped-sum", "add up stored ciphertexts in 4 groups"), BATCH, || {
            let mut sums = GroupedSums::new(key, 4);
            for (index, row) in rows.chunks_exact(key.ciphertext_bytes()).enumerate() {
                sums.add_row(row, index % 4).expect("rows of this key");
            }
            sums
        });
        self.row(&operation("read", "read a ciphertext with all checks"), BATCH, || {
            Ciphertexts::from_rows(key, &rows)
        });
        self.row(&operation("write", "write a ciphertext"), BATCH, || self.ciphertexts.to_rows(key));
    }

    fn add(&self) {
        let mut sum = self.ciphertexts.clone();
        let operation = Operation { name: "add", timing: "", what: "add" };
        self.row(&operation, BATCH, || sum.add_assign(self.key.public(), &self.ciphertexts));
    }

    fn scalar(&self) {
        let operation =
            Operation { name: "scalar", timing: "", what: "multiply by an open number of 32 bits" };
        self.row(&operation, BATCH, || self.ciphertexts.multiply(self.key.public(), &scalars()));
    }

    /// The rows that tell one kernel from the other.
    fn briefly(&self) {
        let operation = |name, what| Operation { name, timing: "constant", what };
        let short = self.encryptor(ExponentLength::Short, Timing::Constant);
        let public = operation("encrypt-public", "encrypt by the public key, short exponent");
        self.row(&public, BATCH, || short.encrypt(&self.plaintexts, &mut rng()));
        let owner = OwnerEncryptor::new(self.key.clone(), Timing::Constant);
        let exact = operation("encrypt-owner", "encrypt by the owner, the textbook's distribution");
        self.row(&exact, BATCH, || owner.encrypt(&self.plaintexts, &mut rng()));
        self.row(&operation("decrypt", "decrypt"), BATCH, || {
            self.key.decrypt(&self.ciphertexts, Timing::Constant)
        });
        self.add();
        self.scalar();
    }
}

/// Open numbers of 32 bits.
fn scalars() -> Vec<i64> {
    (0..BATCH as i64).map(|index| (1 << 31) + 7 * index).collect()
}
