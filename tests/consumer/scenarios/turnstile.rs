//! One place, two who want it.

use selvedge::prelude::*;
use selvedge_consumer::Turnstile;

selvedge::scenario!(turnstile);

fn turnstile() -> Scenario<usize> {
    let entered = |_: &Turnstile, entered: &[bool]| entered.iter().filter(|&&entered| entered).count();
    Scenario::new("Two want in and there is one place. Does exactly one get it?")
        .acceptable("one got in", |&n| n == 1)
        .forbidden("nobody got in, or both did", |_| true)
        .design(
            "one update",
            Design::new(|| Turnstile::new(1)).actors(2, |gate: &Turnstile| gate.enter()).observe(entered),
        )
        .design(
            "look, then enter",
            Design::new(|| Turnstile::new(1))
                .actors(2, |gate: &Turnstile| gate.enter_carelessly())
                .observe(entered)
                .expect(Forbidden),
        )
}
