//! Which edges are borders: those that all sides together make credible.

use super::edge::{DARK, Edge, LIGHT};
use super::side::{SIDES, Side};

/// What a border is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dark,
    Light,
    /// A mount: cardboard, a colored passe-partout.
    Middle,
}

impl Kind {
    fn of(edge: &Edge) -> Self {
        match edge.tone {
            tone if tone <= DARK => Self::Dark,
            tone if tone >= LIGHT => Self::Light,
            _ => Self::Middle,
        }
    }
}

/// The borders of one round, a side each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    pub(super) edges: [Option<Edge>; 4],
    /// The kind of which they are, if they lie on three sides or four.
    pub(super) frame: Option<Kind>,
}

/// Chooses the borders that all sides together make credible. Bars may take a share of the area.
/// `frame` is the kind of a frame that was found around it.
pub(super) fn choose(
    views: &[Vec<Edge>; 4],
    size: (usize, usize),
    bars: f32,
    frame: Option<Kind>,
) -> Round {
    let kinds = [Kind::Light, Kind::Dark, Kind::Middle].into_iter();
    let best = kinds
        .map(|kind| {
            let sides = views.each_ref().map(|edges| best_of(edges, kind));
            (kind, sides)
        })
        .filter_map(|(kind, sides)| credible(kind, sides, (size, bars)))
        .max_by(|a, b| total(a).total_cmp(&total(b)));
    if let Some(round) = best {
        return round;
    }
    let mut round = Round::default();
    for (side, edges) in SIDES.into_iter().zip(views) {
        let extent = match side {
            Side::Top | Side::Bottom => size.1,
            Side::Left | Side::Right => size.0,
        };
        let share = |edge: &&Edge| edge.depth as f32 / extent as f32;
        let alone = edges.iter().filter(|edge| {
            let kind = Kind::of(edge);
            if let Some(frame) = frame {
                // What is left of a frame where a line or text was taken for its inner edge, or
                // one side of a second frame.
                let deepest = if frame == kind { 0.1 } else { 0.06 };
                let strong = edge.support >= 0.9 && edge.uniform >= 0.75;
                return strong && kind != Kind::Middle && share(edge) <= deepest;
            }
            kind != Kind::Middle
                && edge.support >= 0.95
                && edge.uniform >= 0.88
                && share(edge) <= 0.02
        });
        round.edges[side as usize] = alone.copied().max_by_key(|edge| edge.depth);
    }
    round
}

fn best_of(edges: &[Edge], kind: Kind) -> Option<Edge> {
    let of_kind = edges.iter().filter(|edge| Kind::of(edge) == kind).copied();
    of_kind.max_by(|a, b| (a.support + a.uniform).total_cmp(&(b.support + b.uniform)))
}

fn total(round: &Round) -> f32 {
    round.edges.iter().flatten().map(|edge| edge.support).sum()
}

/// The borders of one kind, if they are on at least three sides or on two opposite ones.
fn credible(
    kind: Kind,
    sides: [Option<Edge>; 4],
    (size, bars): ((usize, usize), f32),
) -> Option<Round> {
    let at_least = |support: f32, uniform: f32| {
        sides.map(|edge| edge.filter(|e| e.support >= support && e.uniform >= uniform))
    };
    let count = |sides: &[Option<Edge>; 4]| sides.iter().flatten().count();
    let (loose, good) = match kind {
        Kind::Middle => (at_least(0.85, 0.88), at_least(0.9, 0.9)),
        Kind::Dark | Kind::Light => (at_least(0.5, 0.75), at_least(0.85, 0.85)),
    };
    // A dark picture hides half of the edge to a black frame, but not on all four sides.
    let all_around = {
        let pure = at_least(0.5, 0.95);
        let support: f32 = pure.iter().flatten().map(|edge| edge.support).sum();
        kind != Kind::Middle && count(&pure) == 4 && support >= 2.6
    };
    if all_around || count(&loose) >= 3 && count(&good) >= 2 {
        return Some(Round { edges: loose, frame: Some(kind) });
    }
    if kind == Kind::Middle {
        return None;
    }
    // Bars, above and below or left and right, are of one tone: a doorway is not.
    let mut edges = [None; 4];
    let strict = at_least(0.9, 0.95);
    for (first, second) in [(Side::Top, Side::Bottom), (Side::Left, Side::Right)] {
        let (Some(one), Some(other)) = (strict[first as usize], strict[second as usize]) else {
            continue;
        };
        let extreme = |edge: &Edge| edge.tone <= 12.0 || edge.tone >= 88.0;
        let extent = if first == Side::Top { size.1 } else { size.0 };
        if (one.tone - other.tone).abs() <= 4.0
            && extreme(&one)
            && extreme(&other)
            && (one.depth + other.depth) as f32 <= bars * extent as f32
        {
            (edges[first as usize], edges[second as usize]) = (Some(one), Some(other));
        }
    }
    edges.iter().any(Option::is_some).then_some(Round { edges, frame: None })
}
