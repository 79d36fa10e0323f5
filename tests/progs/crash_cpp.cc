// SPDX-License-Identifier: BSD-2-Clause
// crash-cpp: an exception that nobody catches, thrown below known functions, when standard input ends.
// A thread waits meanwhile for what never comes.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

#define WHOLE __attribute__((noipa))

namespace shop
{
struct Cart {
	WHOLE void pay(int coins);
	template <typename T> WHOLE void order(T coins);
};

void Cart::pay(int coins)
{
	if (coins < 7)
		throw std::runtime_error("too few coins: " + std::to_string(coins));
	asm volatile("" ::: "memory");
}

template <typename T> void Cart::order(T coins)
{
	pay(coins);
	asm volatile("" ::: "memory");
}

WHOLE static void serve()
{
	static std::mutex lock;
	static std::condition_variable never;
	std::unique_lock<std::mutex> held(lock);

	for (;;)
		never.wait(held);
}
}

int main()
{
	char told;

	std::thread(shop::serve).detach();
	usleep(50000);
	std::printf("ready %d\n", getpid());
	std::fflush(stdout);
	if (read(0, &told, 1) < 0)
		return 1;
	shop::Cart().order<int>(3);
	return 1;
}
