//! Random programs from a seed, and the search for a smaller one that still shows what a large one showed.

use super::program::{Expr, Modify, Operator, Order, Program, Stmt};

/// What random programs look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// At least two, at most so many.
    pub(crate) threads: usize,
    /// Operations and fences of all threads together, at most; each thread has at least one.
    pub(crate) events: usize,
    pub(crate) locations: usize,
    /// In a hundred programs, so many have plain accesses; in those a third of all loads and stores.
    pub(crate) plain_percent: u64,
    /// In a hundred operations, so many read-modify-writes and compare-exchanges.
    pub(crate) rmw_percent: u64,
    /// In a hundred operations, so many fences.
    pub(crate) fence_percent: u64,
    /// In a hundred operations, so many that stand in an `if` on a register.
    pub(crate) if_percent: u64,
    /// Whether weak compare-exchanges occur.
    pub(crate) weak: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            threads: 4,
            events: 10,
            locations: 3,
            plain_percent: 30,
            rmw_percent: 20,
            fence_percent: 12,
            if_percent: 15,
            weak: false,
        }
    }
}

/// The program of a seed.
pub(crate) fn random(seed: u64, shape: &Shape) -> Program {
    Generator::new(seed).program(shape)
}

/// Numbers from a seed (splitmix64), and programs from those.
pub(crate) struct Generator {
    state: u64,
    plain: bool,
    /// Of all operations, how many in a hundred have the program's favourite ordering.
    favourite: (Order, u64),
    next_value: i64,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Generator { state: seed, plain: false, favourite: (Order::Relaxed, 0), next_value: 1 }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).expect("less than a usize")
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.number() % 100 < percent
    }

    fn program(&mut self, shape: &Shape) -> Program {
        let threads = 2 + self.below(shape.threads - 1);
        // One location alone has many executions and few outcomes: it is rare.
        let locations = if self.percent(12) { 1 } else { 2 + self.below(shape.locations.max(2) - 1) };
        let locations = locations.min(shape.locations);
        self.plain = self.percent(shape.plain_percent);
        // Half of the programs lean on one ordering: otherwise hardly any is all relaxed or all SeqCst.
        let orders = [Order::Relaxed, Order::Acquire, Order::AcqRel, Order::SeqCst];
        self.favourite = (orders[self.below(4)], if self.percent(50) { 80 } else { 0 });
        // Of two lengths the longer one: short programs are soon all known.
        let spare = shape.events - threads + 1;
        let events = threads + self.below(spare).max(self.below(spare));
        let mut lengths = vec![1; threads];
        for _ in threads..events {
            lengths[self.below(threads)] += 1;
        }
        let initial: Vec<_> = (0..locations).map(|_| i64::from(self.percent(10))).collect();
        let bodies = lengths.into_iter().map(|length| self.body(shape, locations, length)).collect();
        Program::new(&initial, bodies)
    }

    /// A block of so many operations. Each that reads has registers of its own, so that all is observed.
    fn body(&mut self, shape: &Shape, locations: usize, length: usize) -> Vec<Stmt> {
        let mut registers = 0;
        let mut body = Vec::new();
        let mut left = length;
        while left > 0 {
            if registers > 0 && self.percent(shape.if_percent) {
                let inside = 1 + self.below(left.min(2));
                let condition = self.condition(registers);
                let mut then = Vec::new();
                let mut otherwise = Vec::new();
                for _ in 0..inside {
                    let stmt = self.operation(shape, locations, &mut registers);
                    if self.percent(25) { otherwise.push(stmt) } else { then.push(stmt) }
                }
                body.push(Stmt::If(condition, then, otherwise));
                left -= inside;
            } else {
                body.push(self.operation(shape, locations, &mut registers));
                left -= 1;
            }
        }
        body
    }

    fn condition(&mut self, registers: usize) -> Expr {
        let operators = [Operator::Eq, Operator::Ne, Operator::Lt, Operator::Ge];
        let operator = operators[self.below(4)];
        let register = Expr::Reg(self.below(registers));
        let constant = i64::try_from(self.below(3)).expect("small");
        Expr::Binary(operator, Box::new(register), Box::new(Expr::Const(constant)))
    }

    fn operation(&mut self, shape: &Shape, locations: usize, registers: &mut usize) -> Stmt {
        if self.percent(shape.fence_percent) {
            let orders = [Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst, Order::SeqCst];
            return Stmt::Fence(orders[self.below(5)]);
        }
        let location = self.below(locations);
        if self.percent(shape.rmw_percent) {
            return self.rmw(shape, location, registers);
        }
        let plain = self.plain && self.percent(33);
        if self.percent(50) {
            let order = self.order(&[Order::Relaxed, Order::Acquire, Order::SeqCst], plain);
            *registers += 1;
            return Stmt::Load { register: *registers - 1, location, order };
        }
        let order = self.order(&[Order::Relaxed, Order::Release, Order::SeqCst], plain);
        Stmt::Store { location, value: self.value(*registers), order }
    }

    fn rmw(&mut self, shape: &Shape, location: usize, registers: &mut usize) -> Stmt {
        let all = [Order::Relaxed, Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst];
        let order = self.order(&all, false);
        if self.percent(60) {
            let modify = [Modify::Add, Modify::Swap, Modify::Swap, Modify::Or][self.below(4)];
            let operand = self.value(*registers);
            *registers += 1;
            return Stmt::Rmw { register: *registers - 1, location, modify, operand, order };
        }
        let expected = Expr::Const(i64::try_from(self.below(3)).expect("small"));
        let new = self.value(*registers);
        *registers += 2;
        Stmt::Cas {
            old: *registers - 2,
            success: *registers - 1,
            location,
            expected,
            new,
            on_success: order,
            on_failure: self.order(&[Order::Relaxed, Order::Acquire, Order::SeqCst], false),
            weak: shape.weak && self.percent(50),
        }
    }

    /// One of those that the operation can have.
    fn order(&mut self, possible: &[Order], plain: bool) -> Order {
        if plain {
            return Order::Plain;
        }
        let (favourite, percent) = self.favourite;
        if self.percent(percent) {
            // Acquire and AcqRel stand for what a store makes of them: the release.
            let strong = [favourite, Order::Acquire, Order::Release];
            let choice = if favourite == Order::Relaxed || favourite == Order::SeqCst {
                &strong[..1]
            } else {
                &strong
            };
            if let Some(order) = choice.iter().find(|order| possible.contains(order)) {
                return *order;
            }
        }
        possible[self.below(possible.len())]
    }

    /// A new constant or, now and then, what a register holds or one more.
    fn value(&mut self, registers: usize) -> Expr {
        if registers > 0 && self.percent(20) {
            let register = Expr::Reg(self.below(registers));
            if self.percent(50) {
                return register;
            }
            return Expr::Binary(Operator::Add, Box::new(register), Box::new(Expr::Const(1)));
        }
        if self.percent(60) {
            self.next_value += 1;
            return Expr::Const(self.next_value - 1);
        }
        Expr::Const(1)
    }
}

/// The smallest program found by leaving out statements, one by one, of which `fails` is still true.
pub(crate) fn shrink(program: &Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    loop {
        let mut smaller = Vec::new();
        for thread in 0..smallest.threads.len() {
            for body in without_one(&smallest.threads[thread].body) {
                let mut candidate = smallest.clone();
                candidate.threads[thread].body = body;
                smaller.push(candidate);
            }
        }
        match smaller.into_iter().find(|candidate| fails(candidate)) {
            Some(found) => smallest = found,
            None => return smallest,
        }
    }
}

/// The block with one statement left out, or with an `if` replaced by one of its blocks.
fn without_one(body: &[Stmt]) -> Vec<Vec<Stmt>> {
    let mut all = Vec::new();
    for (place, stmt) in body.iter().enumerate() {
        let replaced = |by: &[Stmt]| [&body[..place], by, &body[place + 1..]].concat();
        all.push(replaced(&[]));
        if let Stmt::If(condition, then, otherwise) = stmt {
            all.push(replaced(then));
            all.push(replaced(otherwise));
            let shorter = |then, otherwise| replaced(&[Stmt::If(condition.clone(), then, otherwise)]);
            all.extend(without_one(then).into_iter().map(|then| shorter(then, otherwise.clone())));
            all.extend(without_one(otherwise).into_iter().map(|otherwise| shorter(then.clone(), otherwise)));
        }
    }
    all
}
