/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sources of the page, as they are in user/lib/ui/, carried inside the binary (ui.S).
 *
 * Each part lies between its two symbols and has no NUL behind it. ui_js is all modules in one
 * function scope; it defines no global but `backdraft`, which tests and the console read.
 */
#ifndef BD_UI_H
#define BD_UI_H

extern const char ui_html[], ui_html_end[];
extern const char ui_css[], ui_css_end[];
extern const char ui_js[], ui_js_end[];

#endif
