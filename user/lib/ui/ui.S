/* SPDX-License-Identifier: BSD-2-Clause */
/* The page's sources as bytes; ui.h says what the symbols mean. Order of modules: users last. */
	.section .rodata
	.global ui_html, ui_html_end, ui_css, ui_css_end, ui_js, ui_js_end

ui_html:
	.incbin "user/lib/ui/flame.html"
ui_html_end:
	.byte 0
ui_css:
	.incbin "user/lib/ui/flame.css"
ui_css_end:
	.byte 0
ui_js:
	.ascii "(function () {\n'use strict';\n"
	.incbin "user/lib/ui/util.js"
	.incbin "user/lib/ui/data.js"
	.incbin "user/lib/ui/profile.js"
	.incbin "user/lib/ui/tree.js"
	.incbin "user/lib/ui/functions.js"
	.incbin "user/lib/ui/color.js"
	.incbin "user/lib/ui/diff.js"
	.incbin "user/lib/ui/list.js"
	.incbin "user/lib/ui/flame.js"
	.incbin "user/lib/ui/strip.js"
	.incbin "user/lib/ui/threads.js"
	.incbin "user/lib/ui/table.js"
	.incbin "user/lib/ui/logs.js"
	.incbin "user/lib/ui/dump.js"
	.incbin "user/lib/ui/stacks.js"
	.incbin "user/lib/ui/crash.js"
	.incbin "user/lib/ui/seconds.js"
	.incbin "user/lib/ui/head.js"
	.incbin "user/lib/ui/controls.js"
	.incbin "user/lib/ui/keys.js"
	.incbin "user/lib/ui/page.js"
	.incbin "user/lib/ui/boot.js"
	.ascii "})();\n"
ui_js_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
