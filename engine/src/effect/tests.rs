//! The crash loop: every course of a call, cut off before and behind everything that lasts, in memory.

use super::*;

const LIMITS: Limits = Limits { attempts_max: 4, refusals_max: 3 };

/// What a shop does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    LostBefore,
    LostAfter,
    /// The answer is lost, and the shop goes on working.
    LostAndLate,
    Throttled,
    Refused,
}

const FAULTS: [Fault; 6] = [
    Fault::None,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::LostAndLate,
    Fault::Throttled,
    Fault::Refused,
];

/// The values a call sends: those of the first attempt, and those of later ones.
type Values = u8;

/// What lasts, whoever dies.
#[derive(Clone, Debug, Default)]
struct World {
    journal: Option<(Values, Option<Kept>)>,
    objects: Vec<Values>,
    late: Vec<Values>,
    /// Whether the shop refuses what is there already.
    is_unique: bool,
    faults: Vec<Fault>,
    /// How much has happened that lasts or may be cut off.
    moments: usize,
}

#[derive(Debug)]
struct Died;

impl World {
    fn entry(&self, values: Values) -> Entry {
        match self.journal {
            None => Entry::Absent,
            Some((of, None)) => Entry::Intended { is_same: of == values },
            Some((of, Some(Kept::Applied))) => Entry::Applied { is_same: of == values },
            Some((_, Some(Kept::Refused))) => Entry::Refused { is_earlier: false },
        }
    }

    fn moment(&mut self, cuts: &[usize]) -> Result<(), Died> {
        self.moments += 1;
        if cuts.contains(&self.moments) { Err(Died) } else { Ok(()) }
    }

    fn make(&mut self, values: Values) {
        self.objects.push(values);
    }

    fn send(&mut self, values: Values) -> Answer {
        assert!(self.journal.is_some_and(|(of, kept)| of == values && kept.is_none()), "{self:?}");
        let is_there = !self.objects.is_empty();
        let fault = if self.faults.is_empty() { Fault::None } else { self.faults.remove(0) };
        match fault {
            Fault::Throttled => Answer::Throttled,
            Fault::LostBefore => Answer::Lost,
            Fault::Refused => Answer::Refused,
            Fault::None | Fault::LostAfter | Fault::LostAndLate if self.is_unique && is_there => {
                Answer::Refused
            }
            Fault::None => {
                self.make(values);
                Answer::Done
            }
            Fault::LostAfter => {
                self.make(values);
                Answer::Lost
            }
            Fault::LostAndLate => {
                self.late.push(values);
                Answer::Lost
            }
        }
    }

    fn look(&mut self, look: Look) -> Option<Values> {
        if look != Look::Once {
            let late = std::mem::take(&mut self.late);
            self.objects.extend(late);
        }
        self.objects.first().copied()
    }

    /// One attempt, which dies at the moments of `cuts`.
    fn attempt(&mut self, values: Values, cuts: &[usize]) -> Result<End, Died> {
        let (mut effect, mut step) = Effect::begin(self.entry(values), LIMITS);
        for _ in 0..64 {
            self.moment(cuts)?;
            let happened = match step {
                Step::Intend => {
                    self.journal = Some((values, None));
                    Happened::Intended
                }
                Step::Send => Happened::Answered(self.send(values)),
                Step::LookUp(look) => {
                    let found = self.look(look);
                    // The shop tells what it found; the journal keeps it as what it is.
                    if let (Some(found), Some((of, _))) = (found, &mut self.journal) {
                        *of = found;
                    }
                    Happened::Found(found.is_some())
                }
                Step::Keep(kept) => {
                    self.journal = self.journal.map(|(of, _)| (of, Some(kept)));
                    Happened::Kept
                }
                Step::End(end) => return Ok(end),
            };
            self.moment(cuts)?;
            step = effect.next(happened);
        }
        panic!("it has no end: {self:?}");
    }

    /// Attempts until one comes to an end that stands.
    fn run(&mut self, later: Values, cuts: &[usize]) -> (Values, End) {
        let mut values = 0;
        for _ in 0..16 {
            match self.attempt(values, cuts) {
                Ok(End::Postponed) | Err(Died) => values = later,
                Ok(end) => return (values, end),
            }
            assert!(self.objects.len() <= 1, "there twice: {self:?}");
        }
        panic!("it never came to an end: {self:?}");
    }
}

fn judge(world: &World, values: Values, end: End) {
    let journaled = world.journal.unwrap();
    match end {
        End::Applied => assert_eq!(world.objects, [values], "{world:?}"),
        End::Otherwise => {
            assert!(world.objects.len() == 1 && world.objects[0] != values, "{world:?}");
        }
        End::Refused => assert_eq!(world.objects, [] as [Values; 0], "{world:?}"),
        End::Postponed | End::Fatal => panic!("{end:?}: {world:?}"),
    }
    let kept = if end == End::Refused { Kept::Refused } else { Kept::Applied };
    assert_eq!(journaled.1, Some(kept), "the journal does not say how it ended: {world:?}");
    assert!(world.late.is_empty(), "something is under way yet: {world:?}");
}

/// All courses of up to three faults.
fn courses() -> Vec<Vec<Fault>> {
    let mut all: Vec<Vec<Fault>> = vec![vec![]];
    let mut last = all.clone();
    for _ in 0..3 {
        let longer = last.iter().flat_map(|course| {
            FAULTS.iter().map(move |fault| {
                let mut longer = course.clone();
                longer.push(*fault);
                longer
            })
        });
        last = longer.collect();
        all.extend(last.clone());
    }
    all
}

#[test]
fn every_course_ends_right_wherever_it_is_cut_off() {
    let mut count = 0_u32;
    for faults in courses() {
        for (is_unique, later) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
            let world = World { is_unique, faults: faults.clone(), ..World::default() };
            let mut uncut = world.clone();
            let (values, end) = uncut.run(later, &[]);
            judge(&uncut, values, end);
            for first in 1..=uncut.moments {
                for second in [0, first + 1, first + 2, first + 3, first + 5] {
                    let mut cut = world.clone();
                    let (values, end) = cut.run(later, &[first, second]);
                    judge(&cut, values, end);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 50_000, "{count} courses");
}

#[test]
fn an_open_intent_is_never_sent_unasked() {
    let begin = |entry| Effect::begin(entry, LIMITS).1;
    assert_eq!(begin(Entry::Absent), Step::Intend);
    assert_eq!(begin(Entry::Refused { is_earlier: true }), Step::Intend);
    assert_eq!(begin(Entry::Refused { is_earlier: false }), Step::End(End::Refused));
    assert_eq!(begin(Entry::Intended { is_same: true }), Step::LookUp(Look::Settled));
    assert_eq!(begin(Entry::Intended { is_same: false }), Step::LookUp(Look::Otherwise));
    assert_eq!(begin(Entry::Applied { is_same: true }), Step::End(End::Applied));
    assert_eq!(begin(Entry::Applied { is_same: false }), Step::End(End::Otherwise));
}

#[test]
fn tries_and_refusals_are_counted_apart() {
    let (mut effect, _) = Effect::begin(Entry::Absent, LIMITS);
    effect.next(Happened::Intended);
    assert_eq!(effect.next(Happened::Answered(Answer::Throttled)), Step::Send);
    assert_eq!(effect.next(Happened::Answered(Answer::Throttled)), Step::Send);
    for _ in 0..3 {
        let looked = effect.next(Happened::Answered(Answer::Lost));
        assert_eq!(looked, Step::LookUp(Look::Settled));
        assert_eq!(effect.next(Happened::Found(false)), Step::Send);
    }
    let refused = effect.next(Happened::Answered(Answer::Refused));
    assert_eq!(refused, Step::LookUp(Look::Again), "a lost call may have come to its end");
    let (mut effect, _) = Effect::begin(Entry::Absent, LIMITS);
    effect.next(Happened::Intended);
    for _ in 0..2 {
        effect.next(Happened::Answered(Answer::Throttled));
    }
    let step = effect.next(Happened::Answered(Answer::Throttled));
    assert_eq!(step, Step::End(End::Postponed));
    assert_eq!(effect.next(Happened::Answered(Answer::Fatal)), Step::End(End::Fatal));
}
