; The procedures of GIMP 2.10 under the names that the tests use.

(define (open file) (car (gimp-file-load RUN-NONINTERACTIVE file file)))
(define (set-file image file) (gimp-image-set-filename image file))
(define (save image layer file) (gimp-file-save RUN-NONINTERACTIVE image layer file file))
(define export-jpeg save)
(define (active image) (car (gimp-image-get-active-drawable image)))
(define (layers image) (vector->list (cadr (gimp-image-get-layers image))))
(define (width item) (car (gimp-drawable-width item)))
(define (height item) (car (gimp-drawable-height item)))
(define (offsets layer) (gimp-drawable-offsets layer))
(define (base-type image) (car (gimp-image-base-type image)))
(define (new-group image) (car (gimp-layer-group-new image)))
(define (new-layer image name columns rows)
  (car (gimp-layer-new image columns rows RGBA-IMAGE name 100 LAYER-MODE-NORMAL)))
(define (parent layer)
  (let ((group (car (gimp-item-get-parent layer))))
    (if (> group 0) (car (gimp-item-get-name group)) "none")))
(define (activate image layer) (gimp-image-set-active-layer image layer))
(define (colorize-more image layer weights saturation hints replace
    variant file other-image other-layer borders negative)
  (car (plug-in-polychromify-colorize RUN-NONINTERACTIVE image layer weights saturation hints replace
    variant file other-image other-layer borders negative)))
(define (colorize-all image layer weights saturation)
  (plug-in-polychromify-colorize-all RUN-NONINTERACTIVE image layer weights saturation 0
    1 "" -1 -1 0 0))
(define (repeat image layer)
  (car (plug-in-polychromify-colorize RUN-WITH-LAST-VALS image layer "" 1.0 -1 0 1 "" -1 -1 0 0)))
