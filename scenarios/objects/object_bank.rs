//! Accounts, and money that is only ever moved.

use proptest::prelude::*;
use selvedge::object::{Implementation, Implements, Model, Object};
use selvedge::prelude::*;

selvedge::scenario!(object_bank);

#[derive(Clone, Debug)]
enum Op {
    Transfer { from: u8, to: u8, amount: u8 },
    Balance(u8),
    Total,
}
use Op::{Balance, Total, Transfer};

const ACCOUNTS: usize = 3;
const EACH: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bank([u32; ACCOUNTS]);

/// A balance, the total, or what was moved.
impl Model for Bank {
    type Op = Op;
    type Ret = u32;

    fn apply(&mut self, op: &Op) -> u32 {
        match *op {
            Transfer { from, to, amount } => {
                let (from, to, amount) = (usize::from(from), usize::from(to), u32::from(amount));
                if self.0[from] < amount {
                    return 0;
                }
                self.0[from] -= amount;
                self.0[to] += amount;
                amount
            }
            Balance(account) => self.0[usize::from(account)],
            Total => self.0.iter().sum(),
        }
    }
}

/// A lock for each account. With `ALL`, an operation holds all that it needs, in the order of the accounts;
/// planted without: money that has left one account and not reached the other is nowhere.
struct Accounts<const ALL: bool>([Mutex<u32>; ACCOUNTS]);

impl<const ALL: bool> Accounts<ALL> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(EACH)))
    }

    fn change(&self, account: usize, change: impl FnOnce(u32) -> u32) -> Option<u32> {
        let mut balance = self.0[account].lock().ok()?;
        let before = *balance;
        *balance = change(before);
        Some(before)
    }

    fn one_by_one(&self, op: &Op) -> Option<u32> {
        match *op {
            Transfer { from, to, amount } => {
                let amount = u32::from(amount);
                let before =
                    self.change(usize::from(from), |balance| balance.checked_sub(amount).unwrap_or(balance))?;
                if before < amount {
                    return Some(0);
                }
                self.change(usize::from(to), |balance| balance + amount)?;
                Some(amount)
            }
            Balance(account) => self.change(usize::from(account), |balance| balance),
            Total => (0..ACCOUNTS).map(|account| self.change(account, |balance| balance)).sum(),
        }
    }

    fn all_at_once(&self, op: &Op) -> Option<u32> {
        let [one, two, three] = &self.0;
        let mut guards = [one.lock().ok()?, two.lock().ok()?, three.lock().ok()?];
        let mut bank = Bank(std::array::from_fn(|account| *guards[account]));
        let ret = bank.apply(op);
        for (guard, balance) in guards.iter_mut().zip(bank.0) {
            **guard = balance;
        }
        Some(ret)
    }
}

fn total_is(total: u32) -> Result<(), String> {
    let whole = EACH * ACCOUNTS as u32;
    if total == whole { Ok(()) } else { Err(format!("{total} in all accounts instead of {whole}")) }
}

impl<const ALL: bool> Implements<Bank> for Accounts<ALL> {
    fn apply(&self, op: &Op) -> u32 {
        let done = if ALL { self.all_at_once(op) } else { self.one_by_one(op) };
        done.unwrap_or(u32::MAX)
    }

    fn invariant(&self) -> Result<(), String> {
        total_is(self.apply(&Total))
    }
}

/// Planted: a balance that was read is written back, whatever it is by then.
struct Unguarded([AtomicU32; ACCOUNTS]);

impl Implements<Bank> for Unguarded {
    fn apply(&self, op: &Op) -> u32 {
        match *op {
            Transfer { from, to, amount } => {
                let (from, to) = (&self.0[usize::from(from)], &self.0[usize::from(to)]);
                let amount = u32::from(amount);
                let balance = from.load(SeqCst);
                if balance < amount {
                    return 0;
                }
                from.store(balance - amount, SeqCst);
                to.store(to.load(SeqCst) + amount, SeqCst);
                amount
            }
            Balance(account) => self.0[usize::from(account)].load(SeqCst),
            Total => self.0.iter().map(|balance| balance.load(SeqCst)).sum(),
        }
    }

    fn invariant(&self) -> Result<(), String> {
        total_is(self.apply(&Total))
    }
}

fn object_bank() -> Object<Bank> {
    let account = || 0..u8::try_from(ACCOUNTS).unwrap_or(1);
    let operations = prop_oneof![
        (account(), account(), 1_u8..8).prop_map(|(from, to, amount)| Transfer { from, to, amount }),
        account().prop_map(Balance),
        Just(Total),
    ];
    Object::new("Is money ever lost, made, or seen nowhere?", Bank([EACH; ACCOUNTS]), operations)
        .implementation("all locks", Implementation::new(Accounts::<true>::new))
        .implementation(
            "one lock after the other",
            Implementation::new(Accounts::<false>::new).expect(Forbidden),
        )
        .implementation(
            "load, then store",
            Implementation::new(|| Unguarded(std::array::from_fn(|_| AtomicU32::new(EACH))))
                .expect(Forbidden),
        )
}
