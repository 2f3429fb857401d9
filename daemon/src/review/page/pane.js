// One window on a photograph, by OpenSeadragon: its layers lie on each other and zoom together.

const { OpenSeadragon } = window;
const { Point, Rect } = OpenSeadragon;

/**
 * From below: the scan; the result; a preview at screen size; its tiles, for the pixels; where the
 * program is unsure.
 */
const LAYERS = ["before", "after", "look", "fine", "doubt"];
/** Layers that show colors, which a slider cuts and Space takes away. */
const COLORED = ["after", "look", "fine"];

const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Tiles as the program has them: a pyramid of halves, 1 pixel at level 0. */
function pyramid({ width, height, tile, levels, url }) {
  const getTileUrl = (level, x, y) => url.replace("{level}", level).replace("{x}", x).replace("{y}", y);
  return { width, height, tileSize: tile, tileOverlap: 0, minLevel: 0, maxLevel: levels - 1, getTileUrl };
}

export class Pane {
  #viewer;
  #layers = new Map();
  /** The latest that was asked for as each layer: what arrives after another one is dropped. */
  #latest = new Map();
  #aspect = 1;
  #cut = null;
  #colors = true;
  /** Whether the whole picture is in sight, which it stays when the window changes. */
  #fitted = true;
  #resized = false;
  #onview;

  /** `events`: onview after each move, onclick with a point, onuse when somebody moves this pane. */
  constructor(host, { onview, onclick, onuse }) {
    this.host = host;
    this.#onview = onview;
    this.#viewer = new OpenSeadragon.Viewer({
      element: host, drawer: "canvas", prefixUrl: "", tabIndex: -1,
      showNavigationControl: false, silenceMultiImageWarnings: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsPen: { clickToZoom: false }, gestureSettingsTouch: { dblClickToZoom: false },
      animationTime: STILL ? 0 : 0.3, visibilityRatio: 0.4, minZoomImageRatio: 0.8, maxZoomPixelRatio: 8,
      preserveViewport: true, maxTilesPerFrame: 6, imageLoaderLimit: 6,
    });
    this.#viewer.addHandler("canvas-key", (event) => (event.preventDefaultAction = true));
    // OpenSeadragon keeps the zoom when its window changes, after it tells of that and before it draws.
    this.#viewer.addHandler("resize", () => (this.#resized = true));
    this.#viewer.addHandler("viewport-change", () => {
      if (this.#resized && this.#fitted) this.fit(true);
      this.#resized = false;
      this.#cutLayers();
      onview();
    });
    this.#viewer.addHandler("canvas-press", onuse);
    for (const use of ["canvas-drag", "canvas-scroll", "canvas-pinch"]) {
      this.#viewer.addHandler(use, () => {
        this.#fitted = false;
        onuse();
      });
    }
    this.#viewer.addHandler("canvas-click", (event) => event.quick && onclick(this.shareAt(event.position)));
  }

  /**
   * Shows another picture, fitted into the window. `tiles` are { before, after }, one may be missing;
   * `done` is called once one of them is drawn.
   */
  open({ before, after }, done) {
    // Tiles of the picture before that are still waited for hold up nothing.
    this.#viewer.imageLoader.clear();
    this.#viewer.world.removeAll();
    this.#layers.clear();
    this.#latest.clear();
    const base = before ?? after;
    if (!base) return;
    this.#aspect = base.height / base.width;
    if (before) this.#add("before", pyramid(before), done);
    if (after) this.#add("after", pyramid(after), done);
    this.fit(true);
  }

  /** Puts a layer in the place of the one of that name, once it is drawn; `null` takes it away. */
  layer(name, source, done = () => {}) {
    if (source) this.#add(name, source.tile ? pyramid(source) : { type: "image", url: source, buildPyramid: false }, done);
    else {
      this.#latest.delete(name);
      this.#drop(this.#layers.get(name));
      this.#layers.delete(name);
      done();
    }
  }

  #add(name, tileSource, done = () => {}) {
    this.#latest.set(name, tileSource);
    this.#viewer.addTiledImage({
      tileSource, x: 0, y: 0, width: 1, preload: true,
      opacity: this.#opacity(name),
      success: ({ item }) => {
        if (this.#latest.get(name) !== tileSource) {
          this.#drop(item);
          return done();
        }
        const older = this.#layers.get(name);
        this.#layers.set(name, item);
        this.#stack();
        this.#cutLayers();
        this.#onview();
        this.#whenDrawn(item, () => {
          this.#drop(older);
          done();
        });
      },
      error: () => done(),
    });
  }

  #whenDrawn(item, then) {
    if (item.getFullyLoaded()) then();
    else item.addOnceHandler("fully-loaded-change", then);
  }

  #drop(item) {
    if (item && this.#viewer.world.getIndexOfItem(item) >= 0) this.#viewer.world.removeItem(item);
  }

  /** Brings layers into their order; what is about to be dropped stays below. */
  #stack() {
    const { world } = this.#viewer;
    for (const name of LAYERS) {
      const item = this.#layers.get(name);
      if (item && world.getIndexOfItem(item) >= 0) world.setItemIndex(item, world.getItemCount() - 1);
    }
  }

  #opacity(name) {
    if (name === "doubt") return 0.75;
    return this.#colors || !COLORED.includes(name) ? 1 : 0;
  }

  /** Shows the colors or takes them away; left of `cut`, pixels of the window, they are away. */
  showColors(shown, cut) {
    this.#colors = shown;
    this.#cut = cut;
    this.#cutLayers();
  }

  #cutLayers() {
    for (const name of COLORED) {
      const item = this.#layers.get(name);
      if (!item) continue;
      const { x: width, y: height } = item.getContentSize();
      const from = this.#cut === null ? 0 : item.viewerElementToImageCoordinates(new Point(this.#cut, 0)).x;
      item.setOpacity(from < width ? this.#opacity(name) : 0);
      item.setClip(from > 0 && from < width ? new Rect(from, 0, width - from, height) : null);
    }
  }

  /** Where a point of the window lies on the photograph, as shares of width and height. */
  shareAt(position) {
    const { x, y } = this.#viewer.viewport.pointFromPixel(position, true);
    return { x, y: y / this.#aspect };
  }

  /** Where a point of the photograph lies in the window, in CSS pixels. */
  pixelAt({ x, y }) {
    return this.#viewer.viewport.pixelFromPoint(new Point(x, y * this.#aspect), true);
  }

  /** The middle of what is in sight. */
  get middle() {
    if (this.#fitted) this.fit(true);
    return this.shareAt(new Point(this.host.clientWidth / 2, this.host.clientHeight / 2));
  }

  /** Length in the window of a share of the picture's longest side, in CSS pixels. */
  lengthOf(share) {
    const across = this.pixelAt({ x: 1, y: 0 }).x - this.pixelAt({ x: 0, y: 0 }).x;
    return share * across * Math.max(1, this.#aspect);
  }

  /** Longest side of the whole picture as it fits the window, in pixels of the screen. */
  get fittedSide() {
    const width = Math.min(this.host.clientWidth, this.host.clientHeight / this.#aspect);
    return Math.ceil(width * Math.max(1, this.#aspect) * devicePixelRatio);
  }

  /** CSS pixels a pixel of the photograph, 1 at its own size. */
  get zoom() {
    const item = this.#viewer.world.getItemAt(0);
    return item ? item.viewportToImageZoom(this.#viewer.viewport.getZoom(false)) : 1;
  }

  /** Zooms so that a pixel of the photograph is this many pixels of the screen. */
  zoomToPixels(pixels) {
    const item = this.#viewer.world.getItemAt(0);
    this.#fitted = false;
    if (item) this.#viewer.viewport.zoomTo(item.imageToViewportZoom(pixels / devicePixelRatio));
  }

  zoomBy(factor) {
    this.#fitted = false;
    this.#viewer.viewport.zoomBy(factor);
    this.#viewer.viewport.applyConstraints();
  }

  panBy(x, y) {
    const { viewport } = this.#viewer;
    this.#fitted = false;
    viewport.panBy(viewport.deltaPointsFromPixels(new Point(x, y)));
    viewport.applyConstraints();
  }

  /** Shows the whole picture, `immediately` or by a short move. */
  fit(immediately = false) {
    const { viewport } = this.#viewer;
    const size = new Point(this.host.clientWidth, this.host.clientHeight);
    this.#fitted = true;
    if (size.x === 0 || size.y === 0) return;
    // OpenSeadragon learns a frame later that a hidden window is shown.
    if (!viewport.getContainerSize().equals(size)) viewport.resize(size, true);
    viewport.fitBounds(new Rect(0, 0, 1, this.#aspect), immediately);
  }

  /** Looks at exactly what another pane looks at. */
  followPane(other) {
    this.#fitted = other.#fitted;
    const bounds = other.#viewer.viewport.getBounds(true);
    const own = this.#viewer.viewport.getBounds(true);
    const apart = Math.abs(own.x - bounds.x) + Math.abs(own.y - bounds.y) + Math.abs(own.width - bounds.width);
    if (apart > 1e-6) this.#viewer.viewport.fitBounds(bounds, true);
  }
}
