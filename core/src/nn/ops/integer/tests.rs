use super::*;

/// Pseudo-random numbers.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> i16 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 48) as i16
    }

    fn up_to(&mut self, most: usize) -> usize {
        1 + self.next().unsigned_abs() as usize % most
    }

    fn planes(&mut self, channels: usize, height: usize, width: usize, border: usize) -> Planes {
        let size = Size { blocks: channels.div_ceil(BLOCK), height, width, border };
        let mut planes = Planes::new(size);
        for channel in 0..channels {
            for y in 0..height {
                (0..width).for_each(|x| planes.set(channel, y, x, self.next() >> 2));
            }
        }
        planes
    }

    fn rescale(&mut self, outputs: usize) -> Rescale {
        let bias: Vec<i32> = (0..outputs).map(|_| i32::from(self.next())).collect();
        let shifts: Vec<u8> = (0..outputs).map(|_| self.next().unsigned_abs() as u8 % 20).collect();
        Rescale::new(&bias, &shifts, [-self.next().unsigned_abs().min(9000).cast_signed(), 8191])
    }
}

/// A channel's number where there is a pixel, and 0 around.
fn padded(planes: &Planes, channel: usize, y: isize, x: isize) -> i32 {
    let Size { height, width, .. } = planes.size();
    let inside = |at: isize, count: usize| (0..count.cast_signed()).contains(&at);
    if !(inside(y, height) && inside(x, width)) {
        return 0;
    }
    i32::from(planes.get(channel, y as usize, x as usize))
}

fn result(rescale: &Rescale, channel: usize, sum: i32, residual: i32) -> i16 {
    let shifted =
        (sum.wrapping_add(rescale.bias[channel]) >> rescale.shifts[channel]).wrapping_add(residual);
    shifted.clamp(rescale.range[0].into(), rescale.range[1].into()) as i16
}

/// All results of a dense layer and of a depthwise one, for any shapes, by each set of instructions.
fn results_agree(check: fn(&mut Noise, Instructions)) {
    for instructions in Instructions::available() {
        (0..40).for_each(|seed| check(&mut Noise(seed), instructions));
    }
}

fn dense_agrees(noise: &mut Noise, instructions: Instructions) {
    let (inputs, outputs) = (noise.up_to(70), noise.up_to(120));
    let (height, width) = (noise.up_to(9), noise.up_to(19));
    let kernel = [1, 3][noise.up_to(2) - 1] as isize;
    let taps: Vec<Tap> =
        (0..kernel * kernel).map(|i| [i / kernel - kernel / 2, i % kernel - kernel / 2]).collect();
    let weights: Vec<i16> = (0..outputs * inputs * taps.len()).map(|_| noise.next() >> 4).collect();
    let weight = |o: usize, t: usize, c: usize| weights[(o * inputs + c) * taps.len() + t];
    let rescale = noise.rescale(outputs);
    let x = noise.planes(inputs, height, width, 1);
    let residual = noise.planes(outputs, height, width, 2);
    let residual = (noise.next() > 0).then_some(&residual);
    let size = Size { blocks: outputs.div_ceil(BLOCK), height, width, border: 0 };
    let mut y = Planes::new(size);
    let layer =
        Dense::new(&[(inputs, taps.clone())], rescale.clone(), |o, _, t, c| weight(o, t, c));
    let sums = Sums { layer: &layer, inputs: &[Input::whole(&x)], origin: [0; 2] };
    dense(instructions, &[sums], residual, &mut y, 1);
    for (o, row, column) in places(outputs, height, width) {
        let mut sum = 0_i32;
        for (t, [down, right]) in taps.iter().enumerate() {
            for c in 0..inputs {
                let value = padded(&x, c, row.cast_signed() + down, column.cast_signed() + right);
                sum = sum.wrapping_add(value * i32::from(weight(o, t, c)));
            }
        }
        let before = residual.map_or(0, |residual| i32::from(residual.get(o, row, column)));
        assert_eq!(y.get(o, row, column), result(&rescale, o, sum, before), "{instructions:?}");
    }
}

fn depthwise_agrees(noise: &mut Noise, instructions: Instructions) {
    let channels = noise.up_to(50);
    let (kernel, stride) = ([3, 5][noise.up_to(2) - 1], noise.up_to(2));
    let (height, width) = (noise.up_to(9), noise.up_to(19));
    let weights: Vec<i16> = (0..channels * kernel * kernel).map(|_| noise.next()).collect();
    let weight = |c: usize, y: usize, x: usize| weights[(c * kernel + y) * kernel + x];
    let rescale = noise.rescale(channels);
    let x = noise.planes(channels, height * stride, width * stride, 2);
    let size = Size { blocks: channels.div_ceil(BLOCK), height, width, border: 1 };
    let mut y = Planes::new(size);
    depthwise(instructions, &Depthwise::new(kernel, stride, rescale.clone(), weight), &x, &mut y);
    // As Keras pads: of an odd number of zeros one more after.
    let before = ((kernel - stride) / 2).cast_signed();
    for (c, row, column) in places(channels, height, width) {
        let mut sum = 0_i32;
        for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
            let at = |place: usize, tap: usize| (place * stride + tap).cast_signed() - before;
            let value = padded(&x, c, at(row, i), at(column, j));
            sum = sum.wrapping_add(value * i32::from(weight(c, i, j)));
        }
        assert_eq!(y.get(c, row, column), result(&rescale, c, sum, 0), "{instructions:?}");
    }
}

fn places(
    channels: usize,
    height: usize,
    width: usize,
) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..channels * height * width)
        .map(move |i| (i / (height * width), i / width % height, i % width))
}

#[test]
fn dense_layers_agree_with_plain_sums_on_every_set_of_instructions() {
    results_agree(dense_agrees);
}

#[test]
fn depthwise_layers_agree_with_plain_sums_on_every_set_of_instructions() {
    results_agree(depthwise_agrees);
}

#[test]
fn planes_come_back_from_the_store_with_a_border_of_zeros() {
    let store = Store::default();
    let size = Size { blocks: 1, height: 2, width: 3, border: 1 };
    let mut planes = store.take(size);
    places(16, 2, 3).for_each(|(c, y, x)| planes.set(c, y, x, 7));
    store.give(planes);
    let planes = store.take(size);
    let sum: i32 = planes.numbers.numbers().iter().map(|&number| i32::from(number)).sum();
    assert_eq!(sum, 7 * 16 * 6);
}
