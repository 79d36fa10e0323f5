/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fminf() and fmaxf() without their care for NaN, which costs a call: values are finite here, or
 * infinite.
 */
#ifndef BD_NUMBER_H
#define BD_NUMBER_H

static inline float number_min(float a, float b)
{
	return a < b ? a : b;
}

static inline float number_max(float a, float b)
{
	return a > b ? a : b;
}

static inline float number_clamp(float value, float low, float high)
{
	return number_min(number_max(value, low), high);
}

#endif
