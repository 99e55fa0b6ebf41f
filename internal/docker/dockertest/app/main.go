// Command app is the one program inside every test image. Its first argument says what it does.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: app serve|health|log|rows|exit|crash|stubborn|spin")
		os.Exit(2)
	}
	os.Exit(run(os.Args[1], os.Args[2:]))
}

func run(what string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	switch what {
	case "serve":
		return serve(ctx, args)
	case "health":
		return health()
	case "log":
		return log(ctx, args)
	case "rows":
		return rows(args)
	case "exit":
		fmt.Println("exit with", strings.Join(args, " "))
		return number(args)
	case "crash":
		fmt.Println("will crash in", number(args), "s")
		time.Sleep(time.Duration(number(args)) * time.Second)
		fmt.Fprintln(os.Stderr, "crash!")
		return 3
	case "stubborn":
		fmt.Println("will not go")
		<-ctx.Done()
		fmt.Println("SIGTERM seen, staying")
		select {}
	case "spin":
		for ctx.Err() == nil {
		}
		return 0
	}
	fmt.Fprintln(os.Stderr, "unknown:", what)
	return 2
}

func number(args []string) int {
	if len(args) == 0 {
		return 0
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return n
}

// serve answers on :8080, logs numbered lines and appends rows, each only if asked to.
func serve(ctx context.Context, args []string) int {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	version := f.String("version", os.Getenv("VERSION"), "what / answers")
	rate := f.Int("rate", 0, "log lines per second")
	file := f.String("rows", "", "file that gets rows")
	every := f.Duration("every", 100*time.Millisecond, "time between rows")
	sick := f.Duration("sick-after", 0, "health fails after this time")
	prey := f.String("sick-while", "", "health fails while this file is being written to")
	if f.Parse(args) != nil {
		return 2
	}
	born := time.Now()
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if *sick > 0 && time.Since(born) > *sick {
			http.Error(w, "sick", http.StatusServiceUnavailable)
			return
		}
		if is, err := os.Stat(*prey); err == nil && time.Since(is.ModTime()) < time.Second {
			http.Error(w, "somebody writes to "+*prey, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "fine")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, *version) })
	srv := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := srv.ListenAndServe(); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	fmt.Println("serving", *version)
	if *rate > 0 {
		go lines(ctx, *rate, 0, 0, false)
	}
	if *file != "" {
		go func() {
			for ctx.Err() == nil {
				if err := appendRow(*file, *version); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				time.Sleep(*every)
			}
		}()
	}
	<-ctx.Done()
	fmt.Println("bye")
	return 0
}

// health is the HEALTHCHECK.
func health() int {
	c := http.Client{Timeout: 2 * time.Second}
	res, err := c.Get("http://127.0.0.1:8080/health")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer res.Body.Close()
	line, _ := bufio.NewReader(res.Body).ReadString('\n')
	fmt.Print(line)
	if res.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

// log writes numbered lines: "n 1", "n 2", ...; every 10th to stderr with -both. SIGTERM ends it.
// The last line is "end" and the last number.
func log(ctx context.Context, args []string) int {
	f := flag.NewFlagSet("log", flag.ContinueOnError)
	rate := f.Int("rate", 0, "lines per second; 0: as fast as possible")
	count := f.Int("count", 0, "lines; 0: for ever")
	pad := f.Int("pad", 0, "bytes added to each line")
	both := f.Bool("both", false, "every 10th line to stderr")
	stay := f.Bool("stay", false, "do not end after the last line")
	if f.Parse(args) != nil {
		return 2
	}
	fmt.Println("end", lines(ctx, *rate, *count, *pad, *both))
	if *stay {
		<-ctx.Done()
	}
	return 0
}

func lines(ctx context.Context, rate, count, pad int, both bool) int {
	padding := ""
	if pad > 0 {
		padding = " " + strings.Repeat("x", pad)
	}
	born := time.Now()
	n := 0
	for (count == 0 || n < count) && ctx.Err() == nil {
		n++
		out := os.Stdout
		if both && n%10 == 0 {
			out = os.Stderr
		}
		// One write per line, as most programs do it.
		if _, err := out.WriteString("n " + strconv.Itoa(n) + padding + "\n"); err != nil {
			return n
		}
		if rate > 0 {
			due := born.Add(time.Duration(n) * time.Second / time.Duration(rate))
			if d := time.Until(due); d > 0 {
				time.Sleep(d)
			}
		}
	}
	return n
}

// rows prints how many rows a file has; "rows FILE TEXT" appends one first.
func rows(args []string) int {
	if len(args) == 0 {
		return 2
	}
	if len(args) > 1 {
		if err := appendRow(args[0], args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(strings.Count(string(data), "\n"))
	return 0
}

func appendRow(file, text string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%d %s\n", time.Now().UnixNano(), text); err != nil {
		return err
	}
	return f.Close()
}
