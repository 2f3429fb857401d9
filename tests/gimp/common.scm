; What the tests' scripts are written with, in every GIMP; two.scm or three.scm comes before it.

; Appends a line to the report, which the test reads.
(define report (open-output-file "report"))
(define (say . words)
  (for-each (lambda (word) (display word report) (display " " report)) words)
  (newline report))

; Writes what is seen of an image, with its alpha, depth and profile.
(define (save-visible image file)
  (let* ((copy (car (gimp-image-duplicate image)))
         (layer (car (gimp-image-merge-visible-layers copy CLIP-TO-IMAGE))))
    (gimp-layer-resize-to-image-size layer)
    (save copy layer file)
    (gimp-image-delete copy)))

; Writes a layer's own pixels, without mode and mask.
(define (save-layer image layer file)
  (let* ((copy (car (gimp-image-duplicate image)))
         (alone (car (gimp-layer-new-from-drawable layer copy))))
    (for-each (lambda (other) (gimp-image-remove-layer copy other)) (layers copy))
    (gimp-image-insert-layer copy alone 0 0)
    (if (has-mask? alone) (gimp-layer-remove-mask alone MASK-DISCARD))
    (gimp-layer-set-mode alone LAYER-MODE-NORMAL)
    (gimp-layer-set-offsets alone 0 0)
    (gimp-image-resize copy (width alone) (height alone) 0 0)
    (save copy alone file)
    (gimp-image-delete copy)))

; Whether a layer has a mask.
(define (has-mask? layer) (> (car (gimp-layer-get-mask layer)) 0))

; Says what a layer is.
(define (say-layer image layer)
  (say "layer" (car (gimp-item-get-name layer)))
  (say "mode" (car (gimp-layer-get-mode layer)))
  (say "offsets" (offsets layer))
  (say "size" (width layer) (height layer))
  (say "alpha" (car (gimp-drawable-has-alpha layer)))
  (say "mask" (has-mask? layer))
  (say "parent" (parent layer))
  (say "position" (car (gimp-image-get-item-position image layer))))

; Runs what is expected to fail, and says how it ended.
(define failure "none")
(define *error-hook* (lambda words (set! failure words) (apply throw words)))
(define (attempt thunk)
  (say "outcome" (catch "failed" (begin (thunk) "done")))
  (say "failure" failure))

; Colorizes with the settings that most tests need.
(define (colorize image layer weights saturation hints replace)
  (colorize-more image layer weights saturation hints replace 1 "" -1 -1 0 0))

; Precisions by their numbers, whose names differ.
(define float-linear 600)
(define eight-bits 150)
