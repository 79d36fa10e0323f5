// SPDX-License-Identifier: BSD-2-Clause
/*
 * chains-cpp CASE [CPU_MS]: known chains in C++: exceptions, destructors that run while one passes,
 * virtual calls, lambdas, templates, std::function, callbacks from the standard library, inlining.
 * An element of the chain is a part of the demangled name; everything in namespace shop is ours.
 */
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <vector>

#ifdef __clang__
#define WHOLE __attribute__((noinline))
#else
#define WHOLE __attribute__((noipa))
#endif
#define STAY() __asm__ volatile("" ::: "memory")

namespace shop
{
static uint64_t burn_ns, begin_ns, end_ns;

static inline __attribute__((always_inline)) uint64_t clock_ns(long clock)
{
	struct timespec ts;
#if defined(__x86_64__)
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "0"((long)SYS_clock_gettime), "D"(clock), "S"(&ts)
			 : "rcx", "r11", "memory");
#else
	clock_gettime((clockid_t)clock, &ts);
#endif
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

WHOLE void leaf()
{
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), x = start;

	begin_ns = clock_ns(CLOCK_REALTIME);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start < burn_ns)
		for (int i = 0; i < 20000; i++) {
			x = x * 6364136223846793005ull + 1;
			__asm__ volatile("" : "+r"(x));
		}
	end_ns = clock_ns(CLOCK_REALTIME);
}

WHOLE void thrower(int n)
{
	std::string text(n, 'x');
	throw std::runtime_error(text);
}

WHOLE void catcher()
{
	try {
		thrower(100);
	} catch (const std::exception &) {
		leaf();
	}
	STAY();
}

struct Guard {
	WHOLE ~Guard()
	{
		leaf();
		STAY();
	}
};

WHOLE void guarded()
{
	Guard guard;

	thrower(10);
}

WHOLE void unwinding()
{
	try {
		guarded();
	} catch (const std::exception &) {
		STAY();
	}
}

struct Shape {
	virtual ~Shape() = default;
	virtual void draw(int n) = 0;
};

struct Circle : Shape {
	WHOLE void draw(int n) override
	{
		volatile int room[9] = { n };

		leaf();
		room[1] = room[0];
	}
};

WHOLE void drawing(Shape &shape)
{
	shape.draw(1);
	STAY();
}

WHOLE void virtual_call()
{
	std::unique_ptr<Shape> shape(new Circle);

	drawing(*shape);
}

template <typename F> WHOLE void apply(F function)
{
	function();
	STAY();
}

WHOLE void lambda()
{
	int here = 3;

	apply([&here]() __attribute__((noinline)) {
		leaf();
		STAY();
		here++;
	});
}

WHOLE void called()
{
	leaf();
	STAY();
}

WHOLE void function_object()
{
	std::function<void()> f = called;

	f();
	STAY();
}

WHOLE bool compare(int a, int b)
{
	if (!begin_ns)
		leaf();
	return a < b;
}

WHOLE void sorting()
{
	std::vector<int> numbers = { 5, 3, 9, 1, 7 };

	std::sort(numbers.begin(), numbers.end(), compare);
}

/* No frame of its own, but a name in the picture where there is DWARF. */
static inline __attribute__((always_inline)) void inlined_step()
{
	leaf();
	STAY();
}

WHOLE void inlining()
{
	inlined_step();
	STAY();
}

struct Case {
	const char *name;
	void (*run)();
	const char *chain; /* elements from the leaf to the root, separated by | */
};

static const Case cases[] = {
	{ "catch", catcher, "shop::leaf|shop::catcher|main|+" },
	{ "unwinding", unwinding, "shop::leaf|~Guard|shop::guarded|shop::unwinding|main|+" },
	{ "virtual", virtual_call, "shop::leaf|shop::Circle::draw|shop::drawing|"
				   "shop::virtual_call|main|+" },
	{ "lambda", lambda, "shop::leaf|shop::lambda()::{lambda|shop::apply<|shop::lambda|main|+" },
	{ "function", function_object, "shop::leaf|shop::called|*|shop::function_object|main|+" },
	{ "sort", sorting, "shop::leaf|shop::compare|*|shop::sorting|main|+" },
	{ "inlining", inlining, "shop::leaf|shop::inlining|main|+" },
};
} // namespace shop

static void print(const shop::Case &c)
{
	std::string chain = c.chain;
	size_t at;

	while ((at = chain.find('|')) != std::string::npos)
		chain.replace(at, 1, "\", \"");
	printf("{\"case\": \"%s\", \"pid\": %d, \"tid\": %d, \"begin_ns\": %llu, "
	       "\"end_ns\": %llu, \"cpu_ns\": %llu, \"own\": \"^(void |bool )?shop::|^main$\", \"match\": \"part\", "
	       "\"chain\": [\"%s\"]}\n",
	       c.name, getpid(), getpid(), (unsigned long long)shop::begin_ns,
	       (unsigned long long)shop::end_ns, (unsigned long long)shop::burn_ns, chain.c_str());
}

int main(int argc, char **argv)
{
	shop::burn_ns = (argc > 2 ? strtoull(argv[2], nullptr, 10) : 1000) * 1000000ull;
	for (const auto &c : shop::cases) {
		if (argc < 2) {
			printf("%s\n", c.name);
		} else if (!strcmp(c.name, argv[1])) {
			c.run();
			print(c);
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
