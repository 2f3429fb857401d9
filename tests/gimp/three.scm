; The procedures of GIMP 3 under the names that the tests use.

(define (open file) (car (gimp-file-load RUN-NONINTERACTIVE file)))
(define (set-file image file) (gimp-image-set-file image file))
(define (save image layer file) ; without a window it leaves the profile out, unless asked
  (file-png-export #:run-mode RUN-NONINTERACTIVE #:image image #:file file
    #:include-color-profile TRUE))
(define (export-jpeg image layer file)
  (file-jpeg-export #:run-mode RUN-NONINTERACTIVE #:image image #:file file #:include-xmp TRUE))
(define (active image) (vector-ref (car (gimp-image-get-selected-drawables image)) 0))
(define (layers image) (vector->list (car (gimp-image-get-layers image))))
(define (width item) (car (gimp-drawable-get-width item)))
(define (height item) (car (gimp-drawable-get-height item)))
(define (offsets layer) (gimp-drawable-get-offsets layer))
(define (base-type image) (car (gimp-image-get-base-type image)))
(define (new-group image) (car (gimp-group-layer-new image)))
(define (new-layer image name columns rows)
  (car (gimp-layer-new image name columns rows RGBA-IMAGE 100 LAYER-MODE-NORMAL)))
(define (parent layer)
  (let ((group (car (gimp-item-get-parent layer))))
    (if (> group 0) (car (gimp-item-get-name group)) "none")))
(define (activate image layer) (gimp-image-set-selected-layers image (vector layer)))
(define (colorize-more image layer weights saturation hints replace
    variant file other-image other-layer borders negative)
  (car (plug-in-polychromify-colorize #:run-mode RUN-NONINTERACTIVE #:image image
    #:drawables (vector layer) #:weights weights #:saturation saturation #:hints hints
    #:replace replace #:variant variant #:reference-file file #:reference-image other-image
    #:reference-layer other-layer #:borders borders #:negative negative)))
(define (colorize-all image layer weights saturation)
  (plug-in-polychromify-colorize-all #:run-mode RUN-NONINTERACTIVE #:image image
    #:drawables (vector layer) #:weights weights #:saturation saturation))
(define (repeat image layer)
  (car (plug-in-polychromify-colorize #:run-mode RUN-WITH-LAST-VALS #:image image
    #:drawables (vector layer))))
